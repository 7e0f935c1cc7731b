/* SPDX-License-Identifier: MIT */
#include "framing.h"

#include <curl/curl.h>
#include <string.h>

#include "bytes.h"

static bool is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The value of a header line, where it is of this name. */
static bool has_name(const char *line, size_t len, const char *name,
                     struct bytes *value)
{
  size_t name_len = strlen(name);
  if (len <= name_len || line[name_len] != ':' ||
      !curl_strnequal(line, name, name_len))
    return false;
  size_t begin = name_len + 1;
  while (begin < len && is_blank(line[begin]))
    begin++;
  while (len > begin && is_blank(line[len - 1]))
    len--;
  *value = (struct bytes){line + begin, len - begin};
  return true;
}

static bool is_word(struct bytes value, const char *word)
{
  return value.len == strlen(word) &&
         curl_strnequal(value.data, word, value.len);
}

static bool read_length(struct bytes value, unsigned long long *out)
{
  *out = 0;
  for (size_t i = 0; i < value.len; i++) {
    if (value.data[i] < '0' || value.data[i] > '9' || i == 18)
      return false;
    *out = *out * 10 + (unsigned)(value.data[i] - '0');
  }
  return value.len > 0;
}

const char *framing_read(struct framing *framing, const char *line, size_t len)
{
  struct bytes value;
  if (has_name(line, len, "Transfer-Encoding", &value))
    return is_word(value, "chunked") || is_word(value, "identity")
               ? NULL
               : "the answer is in a transfer coding that nobody asked for";
  if (!has_name(line, len, "Content-Length", &value))
    return NULL;

  unsigned long long length;
  if (!read_length(value, &length))
    return "the length of the answer makes no sense";
  if (framing->has_length && framing->length != length)
    return "the answer has two different lengths";
  framing->has_length = true;
  framing->length = length;
  return NULL;
}
