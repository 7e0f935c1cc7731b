/* SPDX-License-Identifier: MIT */
#include "framing.h"

#include <curl/curl.h>
#include <string.h>

#include "bytes.h"

const char framing_no_status[] = "the answer has no HTTP status";
const char framing_coded[] =
    "the answer is in a transfer coding that nobody asked for";

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

bool framing_begins(const char *line, size_t len)
{
  return len >= 5 && memcmp(line, "HTTP/", 5) == 0;
}

/* RFC 9112, section 4: a version, one space, three digits and no more. */
static bool is_status_line(const char *line, size_t len, bool http2)
{
  const char *version = http2 ? "HTTP/2 " : "HTTP/1.x ";
  size_t at = strlen(version);
  if (len < at + 3)
    return false;
  for (size_t i = 0; i < at; i++)
    if (line[i] != version[i] &&
        !(version[i] == 'x' && (line[i] == '0' || line[i] == '1')))
      return false;
  for (size_t i = at; i < at + 3; i++)
    if (line[i] < '0' || line[i] > '9')
      return false;
  return line[at] != '0' && (len == at + 3 || is_blank(line[at + 3]));
}

const char *framing_read(struct framing *framing, const char *line, size_t len)
{
  struct bytes value;
  if (framing_begins(line, len))
    return is_status_line(line, len, framing->http2) ? NULL
                                                     : framing_no_status;
  if (has_name(line, len, "Transfer-Encoding", &value)) {
    framing->chunked = is_word(value, "chunked");
    return framing->chunked || is_word(value, "identity") ? NULL
                                                          : framing_coded;
  }
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

bool framing_has_end(const struct framing *framing, long status)
{
  return framing->has_length || framing->chunked || status / 100 == 1 ||
         status == 204 || status == 304;
}
