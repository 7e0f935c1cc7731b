/* SPDX-License-Identifier: MIT */
#include "decode.h"

#include <string.h>

/* The value of at most `max` digits; `used` tells how many there were. */
static unsigned long read_number(struct bytes text, unsigned base, size_t max,
                                 size_t *used)
{
  static const char digits[] = "0123456789abcdef";
  unsigned long value = 0;
  size_t i = 0;
  for (; i < max && i < text.len && text.data[i]; i++) {
    char c = text.data[i];
    c = (char)(c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
    const char *digit = memchr(digits, c, base);
    if (!digit)
      break;
    value = value * base + (unsigned long)(digit - digits);
  }
  *used = i;
  return value;
}

static struct bytes skip(struct bytes text, size_t count)
{
  return (struct bytes){text.data + count, text.len - count};
}

/* Each of these reads one escape at the beginning of a text. It returns the
   length of the escape, 0 where there is none, and the code. */

static size_t of_url(struct bytes text, unsigned long *code)
{
  size_t used;
  *code = read_number(skip(text, 1), 16, 2, &used);
  return used == 2 ? 3 : 0;
}

static size_t of_json(struct bytes text, unsigned long *code)
{
  size_t used;
  if (text.len < 2)
    return 0;
  char c = text.data[1];
  if (c == 'u') {
    *code = read_number(skip(text, 2), 16, 4, &used);
    return used == 4 ? 6 : 0;
  }
  *code = (unsigned char)c;
  return c == '"' || c == '\\' || c == '/' ? 2 : 0;
}

static size_t of_xml(struct bytes text, unsigned long *code)
{
  static const struct {
    const char *name;
    char c;
  } entities[] = {{"&amp;", '&'},
                  {"&lt;", '<'},
                  {"&gt;", '>'},
                  {"&quot;", '"'},
                  {"&apos;", '\''}};
  for (size_t i = 0; i < sizeof(entities) / sizeof(*entities); i++) {
    const char *name = entities[i].name;
    size_t len = strlen(name);
    *code = (unsigned char)entities[i].c;
    if (text.len >= len && memcmp(text.data, name, len) == 0)
      return len;
  }
  if (text.len < 4 || text.data[1] != '#')
    return 0;
  bool hex = text.data[2] == 'x' || text.data[2] == 'X';
  size_t start = hex ? 3 : 2, used;
  *code = read_number(skip(text, start), hex ? 16 : 10,
                      DECODE_MAX_ESCAPE - 1 - start, &used);
  size_t end = start + used;
  return used && end < text.len && text.data[end] == ';' ? end + 1 : 0;
}

static size_t escape(struct bytes text, bool plus, unsigned long *code)
{
  switch (text.data[0]) {
  case '%':
    return of_url(text, code);
  case '\\':
    return of_json(text, code);
  case '&':
    return of_xml(text, code);
  case '+':
    *code = ' ';
    return plus ? 1 : 0;
  default:
    return 0;
  }
}

/* A byte of a URL's escape is a byte; every other code is UTF-8. */
static size_t put_code(char *out, unsigned long code, bool is_byte)
{
  if (code < 0x80 || is_byte) {
    out[0] = (char)code;
    return 1;
  }
  if (code < 0x800) {
    out[0] = (char)(0xc0 | code >> 6);
    out[1] = (char)(0x80 | (code & 0x3f));
    return 2;
  }
  if (code < 0x10000) {
    out[0] = (char)(0xe0 | code >> 12);
    out[1] = (char)(0x80 | (code >> 6 & 0x3f));
    out[2] = (char)(0x80 | (code & 0x3f));
    return 3;
  }
  out[0] = '?'; /* no key has one */
  return 1;
}

bool decode(struct bytes text, bool plus, struct decoded *out)
{
  bool found = false;
  size_t end = text.len < DECODE_WINDOW ? text.len : DECODE_WINDOW;
  out->len = 0;
  for (size_t i = 0, size; i < end; i += size) {
    unsigned long code = (unsigned char)text.data[i];
    struct bytes rest = {text.data + i, end - i};
    size = escape(rest, plus, &code);
    found = found || size;
    bool is_byte = size == 0 || text.data[i] == '%';
    if (size == 0) {
      size = 1;
      code = (unsigned char)text.data[i];
    }
    size_t count = put_code(out->bytes + out->len, code, is_byte);
    for (size_t k = 0; k < count; k++)
      out->from[out->len++] = (uint16_t)i;
  }
  out->from[out->len] = (uint16_t)end;
  return found;
}
