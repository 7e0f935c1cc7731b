/* SPDX-License-Identifier: MIT */
#include "framing.h"

#include <curl/curl.h>
#include <string.h>

#include "bytes.h"

const char framing_coded[] =
    "the answer is in a transfer coding that nobody asked for";

static const char no_status[] = "the answer has no HTTP status";
static const char malformed[] = "a header of the answer is not well-formed";

/* The shortest maximum that any libcurl has. */
enum { MAX_TRAILER = 4000 };

static bool is_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Whether a header line has this name, and the value of one that has. */
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

static bool to_number(struct bytes value, unsigned long long *out)
{
  *out = 0;
  for (size_t i = 0; i < value.len; i++) {
    if (value.data[i] < '0' || value.data[i] > '9' || i == 18)
      return false;
    *out = *out * 10 + (unsigned)(value.data[i] - '0');
  }
  return value.len > 0;
}

/* RFC 9112, section 4: a version, one space, three digits and no more. */
static const char *read_status(struct framing *framing, const char *line,
                               size_t len)
{
  const char *version = framing->http2 ? "HTTP/2 " : "HTTP/1.x ";
  size_t at = strlen(version);
  if (len < at + 3 || (len > at + 3 && !is_blank(line[at + 3])))
    return no_status;
  for (size_t i = 0; i < at; i++)
    if (line[i] != version[i] &&
        !(version[i] == 'x' && (line[i] == '0' || line[i] == '1')))
      return no_status;
  int status = 0;
  for (size_t i = at; i < at + 3; i++) {
    if (line[i] < '0' || line[i] > '9')
      return no_status;
    status = 10 * status + line[i] - '0';
  }
  if (status < 100)
    return no_status;
  if (status == 101)
    return "the answer goes on in a protocol that nobody asked for";
  framing->status = status;
  return NULL;
}

static const char *read_coding(struct framing *framing, struct bytes value)
{
  framing->chunked = is_word(value, "chunked");
  return framing->chunked ? NULL : framing_coded;
}

static const char *read_length(struct framing *framing, struct bytes value)
{
  unsigned long long length;
  if (!to_number(value, &length))
    return "the length of the answer makes no sense";
  if (framing->has_length && framing->length != length)
    return "the answer has two different lengths";
  framing->has_length = true;
  framing->length = length;
  return NULL;
}

/* A line that begins with a space continues the one before. Some versions of
   libcurl join the two, and some do not. */
static const char *read_more(const struct framing *framing, const char *line,
                             size_t len)
{
  bool has_text = false;
  for (size_t i = 0; i < len; i++)
    has_text |= !is_blank(line[i]);
  return framing->has_field && !(framing->in_framing && has_text) ? NULL
                                                                  : malformed;
}

static const char *read_field(struct framing *framing, const char *line,
                              size_t len)
{
  struct bytes coding, length;
  bool has_coding = has_name(line, len, "Transfer-Encoding", &coding);
  bool has_length = has_name(line, len, "Content-Length", &length);
  framing->has_field = true;
  framing->in_framing = has_coding || has_length;
  if (has_coding)
    return read_coding(framing, coding);
  return has_length ? read_length(framing, length) : NULL;
}

const char *framing_read(struct framing *framing, const char *line, size_t len)
{
  size_t end = len;
  if (end > 0 && line[end - 1] == '\n')
    end -= end > 1 && line[end - 2] == '\r' ? 2 : 1;
  bool is_clean = !memchr(line, '\r', end);
  if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) { /* again after a 1xx */
    if (framing->ended && framing->status >= 200)
      return malformed; /* and not after the body */
    *framing = (struct framing){.http2 = framing->http2};
    return is_clean ? read_status(framing, line, end) : no_status;
  }
  if (!is_clean || (framing->ended && end > MAX_TRAILER))
    return malformed;
  if (end == 0) {
    framing->ended = true;
    framing->has_field = false; /* trailers may follow */
    return NULL;
  }
  return is_blank(line[0]) ? read_more(framing, line, end)
                           : read_field(framing, line, end);
}

bool framing_has_head(const struct framing *framing)
{
  return framing->ended && framing->status >= 200;
}

bool framing_has_end(const struct framing *framing)
{
  return framing->has_length || framing->chunked || framing->status < 200 ||
         framing->status == 204 || framing->status == 304;
}
