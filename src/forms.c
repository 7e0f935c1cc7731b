/* SPDX-License-Identifier: MIT */
#include "forms.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

enum {
  GROUP = 3,              /* bytes that are four digits of base64 */
  PART = 256 * GROUP,     /* bytes of a secret that are coded at once */
  OVERLAP = 4 * GROUP,    /* more than a text is compared by at once */
  MIN_FORM = 6,           /* bytes; less may be in any text */
  MAX_FORM = GROUP * PART /* bytes of a part: three for each */
};

/* Writes a form of at most PART bytes. Returns its length. */
typedef size_t (*form_coder)(struct bytes from, char *out);

static size_t base64(struct bytes from, char *out)
{
  const unsigned char *bytes = (const unsigned char *)from.data;
  size_t len =
      (size_t)EVP_EncodeBlock((unsigned char *)out, bytes, (int)from.len);
  while (len > 0 && out[len - 1] == '=')
    len--;
  return len;
}

/* Nothing, where it would be the same. */
static size_t base64url(struct bytes from, char *out)
{
  size_t len = base64(from, out);
  bool differs = false;
  for (size_t i = 0; i < len; i++) {
    char c = (char)(out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i]);
    differs = differs || c != out[i];
    out[i] = c;
  }
  return differs ? len : 0;
}

static bool is_unreserved(char c)
{
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
         c == '~';
}

static size_t percent(struct bytes from, char *out)
{
  static const char digits[] = "0123456789ABCDEF";
  size_t len = 0;
  for (size_t i = 0; i < from.len; i++) {
    unsigned char c = (unsigned char)from.data[i];
    if (is_unreserved(from.data[i])) {
      out[len++] = from.data[i];
    } else {
      out[len++] = '%';
      out[len++] = digits[c >> 4];
      out[len++] = digits[c & 15];
    }
  }
  return len;
}

static size_t escape(struct bytes from, const char *characters, char *out)
{
  size_t len = 0;
  for (size_t i = 0; i < from.len; i++) {
    if (from.data[i] && strchr(characters, from.data[i]))
      out[len++] = '\\';
    out[len++] = from.data[i];
  }
  return len;
}

static size_t json(struct bytes from, char *out)
{
  return escape(from, "\"\\", out);
}

static size_t json_with_slashes(struct bytes from, char *out)
{
  return escape(from, "\"\\/", out);
}

static void each_part(struct bytes secret, form_coder code,
                      void (*use)(void *user, struct bytes form), void *user)
{
  char form[MAX_FORM + 1];
  for (size_t at = 0; at < secret.len; at += PART - OVERLAP) {
    size_t left = secret.len - at;
    struct bytes part = {secret.data + at, left < PART ? left : PART};
    size_t len = code(part, form);
    bool differs = len != part.len || memcmp(form, part.data, len) != 0;
    if (differs && len >= MIN_FORM)
      use(user, (struct bytes){form, len});
    if (left <= PART)
      break;
  }
  OPENSSL_cleanse(form, sizeof(form));
}

void forms_each(struct bytes secret,
                void (*use)(void *user, struct bytes form), void *user)
{
  static const form_coder texts[] = {percent, json, json_with_slashes};
  use(user, secret);
  for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
    each_part(secret, texts[i], use, user);
  /* Behind other text it begins anywhere in a group; the rest of a group that
     is not its own is left out. */
  for (size_t skip = 0; skip < GROUP && skip < secret.len; skip++) {
    struct bytes rest = {secret.data + skip, secret.len - skip};
    each_part(rest, base64, use, user);
    each_part(rest, base64url, use, user);
  }
}
