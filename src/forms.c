/* SPDX-License-Identifier: MIT */
#include "forms.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "decode.h"

enum {
  GROUP = 3,            /* bytes that are four digits of base64 */
  PART = 256 * GROUP,   /* bytes of a secret that are coded at once */
  OVERLAP = 32 * GROUP, /* as much as is compared at once, escapes and all */
  MIN_FORM = 6,         /* bytes; less may be in any text */
  MAX_FORM = PART / GROUP * 4 /* bytes of a part */
};

_Static_assert((int)OVERLAP >= 8 * (int)DECODE_MAX_ESCAPE, "a piece is whole");

/* Codes at most PART bytes. Returns the length of the form. */
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

/* What was put into a request may be repeated without its escapes. */
static size_t unescaped(struct bytes from, char *out)
{
  struct decoded decoded;
  decode(from, false, &decoded);
  memcpy(out, decoded.bytes, decoded.len);
  OPENSSL_cleanse(decoded.bytes, decoded.len);
  return decoded.len;
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
  use(user, secret);
  each_part(secret, unescaped, use, user);
  /* Behind other text it begins anywhere in a group; the rest of a group that
     is not its own is left out. */
  for (size_t skip = 0; skip < GROUP && skip < secret.len; skip++) {
    struct bytes rest = {secret.data + skip, secret.len - skip};
    each_part(rest, base64, use, user);
    each_part(rest, base64url, use, user);
  }
}
