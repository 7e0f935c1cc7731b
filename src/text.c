/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <openssl/crypto.h>
#include <stdint.h>
#include <string.h>

#include "decode.h"

/* -- secrets ---------------------------------------------------------------- */

enum {
  MAX_SHOWN = 7, /* bytes of a secret, one after another */
  SIGNATURE = 64 /* hexadecimal digits */
};

/* A secret, and a Bloom filter of its pieces, so that a long text is not
   compared with every piece of a long secret. */
struct needle {
  struct bytes secret;
  size_t piece; /* length of a piece; a short secret is one */
  unsigned char filter[2048];
};

/* In every locale. */
static unsigned char lower(char c)
{
  return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool is_equal(const char *a, const char *b, size_t len)
{
  for (size_t i = 0; i < len; i++)
    if (lower(a[i]) != lower(b[i]))
      return false;
  return true;
}

/* Equal for both cases of a letter. */
static size_t hash(const char *piece, size_t len)
{
  uint64_t bits = 0;
  memcpy(&bits, piece, len);
  bits |= UINT64_C(0x2020202020202020);
  return (size_t)(bits * UINT64_C(0x9e3779b97f4a7c15) >> 50);
}

/* Whether a text of this length can have a piece in it. */
static bool needle_open(struct needle *needle, struct bytes secret, size_t len)
{
  size_t piece = secret.len <= MAX_SHOWN ? secret.len : MAX_SHOWN + 1;
  if (secret.len < TEXT_MIN_SECRET || piece > len)
    return false;
  memset(needle, 0, sizeof(*needle));
  needle->secret = secret;
  needle->piece = piece;
  for (size_t i = 0; i + needle->piece <= secret.len; i++) {
    size_t bit = hash(secret.data + i, needle->piece);
    needle->filter[bit / 8] |= (unsigned char)(1u << bit % 8);
  }
  return true;
}

static bool is_piece(const struct needle *needle, const char *at)
{
  size_t bit = hash(at, needle->piece);
  if (!(needle->filter[bit / 8] >> bit % 8 & 1))
    return false;
  const struct bytes *secret = &needle->secret;
  for (size_t i = 0; i + needle->piece <= secret->len; i++)
    if (is_equal(secret->data + i, at, needle->piece))
      return true;
  return false;
}

static bool has_piece(const struct needle *needle, const char *text,
                      size_t len)
{
  for (size_t i = 0; i + needle->piece <= len; i++)
    if (is_piece(needle, text + i))
      return true;
  return false;
}

/* Whether a piece is in a text as it was before it was escaped. Parts of it are
   looked at one by one; they overlap by more than a piece can take. */
static bool has_escaped(const struct needle *needle, struct bytes text)
{
  enum { STEP = DECODE_WINDOW - (MAX_SHOWN + 1) * DECODE_MAX_ESCAPE };
  struct decoded decoded;
  bool found = false;
  for (size_t at = 0; !found && at < text.len; at += STEP) {
    struct bytes rest = {text.data + at, text.len - at};
    for (int plus = 0; !found && plus <= 1; plus++) {
      found = decode(rest, plus, &decoded) &&
              has_piece(needle, decoded.bytes, decoded.len);
      OPENSSL_cleanse(decoded.bytes, decoded.len);
    }
  }
  return found;
}

static bool may_be_escaped(struct bytes text)
{
  return memchr(text.data, '%', text.len) ||
         memchr(text.data, '&', text.len) ||
         memchr(text.data, '\\', text.len) || memchr(text.data, '+', text.len);
}

bool text_has_secret(struct bytes text, struct bytes secret)
{
  struct needle needle;
  if (!needle_open(&needle, secret, text.len))
    return false;
  bool found = has_piece(&needle, text.data, text.len) ||
               (may_be_escaped(text) && has_escaped(&needle, text));
  OPENSSL_cleanse(&needle, sizeof(needle));
  return found;
}

/* Without the space at its ends. */
static void hide_piece(struct text *text, size_t first, size_t len)
{
  size_t end = first + len;
  while (first < end && text->bytes[first] == ' ')
    first++;
  while (first < end && text->bytes[end - 1] == ' ')
    end--;
  memset(text->hidden + first, true, end - first);
}

/* Hides in a text what is a piece once it is decoded. An escape is hidden whole,
   though a piece may begin or end with one of its bytes. */
static void hide_escaped(struct text *text, const struct needle *needle,
                         bool plus)
{
  struct decoded decoded;
  struct bytes bytes = {(const char *)text->bytes, text->len};
  if (decode(bytes, plus, &decoded))
    for (size_t i = 0; i + needle->piece <= decoded.len; i++) {
      size_t end = i + needle->piece, first = decoded.from[i];
      if (!is_piece(needle, decoded.bytes + i))
        continue;
      while (end < decoded.len && decoded.from[end] == decoded.from[end - 1])
        end++;
      hide_piece(text, first, decoded.from[end] - first);
    }
  OPENSSL_cleanse(decoded.bytes, decoded.len);
}

void text_hide(struct text *text, struct bytes secret)
{
  struct needle needle;
  const char *bytes = (const char *)text->bytes;
  if (!needle_open(&needle, secret, text->len))
    return;
  for (size_t i = 0; i + needle.piece <= text->len; i++)
    if (is_piece(&needle, bytes + i))
      hide_piece(text, i, needle.piece);
  hide_escaped(text, &needle, false);
  hide_escaped(text, &needle, true);
  OPENSSL_cleanse(&needle, sizeof(needle));
}

static bool is_hex(unsigned char c)
{
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
         (c >= 'A' && c <= 'F');
}

/* Hexadecimal digits: as many as a signature has; any number after the name,
   since a service may shorten it; and a few at the end of the window, which may
   have cut a signature. */
static void hide_signatures(struct text *text)
{
  static const char name[] = "Signature=";
  const size_t before = sizeof(name) - 1;
  for (size_t i = 0, end; i < text->len; i = end + 1) {
    for (end = i; end < text->len && is_hex(text->bytes[end]);)
      end++;
    size_t digits = end - i;
    bool is_named =
        i >= before && memcmp(text->bytes + i - before, name, before) == 0;
    bool is_cut = text->cut && end == text->len && digits > MAX_SHOWN;
    if (digits >= SIGNATURE || is_named || is_cut)
      memset(text->hidden + i, true, digits);
  }
}

/* -- characters ------------------------------------------------------------- */

/* Length of the first character, by the Unicode Standard's table 3-7; 0: it is
   not well-formed. */
static size_t character(const unsigned char *at, size_t len)
{
  unsigned char first = at[0];
  if (first < 0x80)
    return 1;
  if (first < 0xc2 || first > 0xf4)
    return 0;
  size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  unsigned char min = 0x80, max = 0xbf; /* of the second byte */
  if (first == 0xe0)
    min = 0xa0; /* below: an overlong form */
  else if (first == 0xed)
    max = 0x9f; /* above: a surrogate */
  else if (first == 0xf0)
    min = 0x90;
  else if (first == 0xf4)
    max = 0x8f; /* above: more than U+10FFFF */
  if (len < size || at[1] < min || at[1] > max)
    return 0;
  for (size_t i = 2; i < size; i++)
    if ((at[i] & 0xc0) != 0x80)
      return 0;
  return size;
}

_Static_assert((int)DECODE_WINDOW >= (int)TEXT_WINDOW, "a text is one part");

bool text_is_utf8(struct bytes text)
{
  const unsigned char *bytes = (const unsigned char *)text.data;
  size_t size = 1;
  for (size_t i = 0; i < text.len && size; i += size)
    size = character(bytes + i, text.len - i);
  return size > 0;
}

/* C0 and C1 control characters, the separators of lines and paragraphs, and
   those that change the direction of writing. */
static bool is_control(const unsigned char *at, size_t size)
{
  if (size == 1)
    return at[0] < ' ' || at[0] == 0x7f;
  if (size == 2)
    return at[0] == 0xc2 && at[1] < 0xa0;
  if (size != 3 || at[0] != 0xe2)
    return false;
  return (at[1] == 0x80 && at[2] >= 0xa8 && at[2] <= 0xae) ||
         (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9);
}

/* Removes from the end of the window what may be the beginning of a secret, too
   short to be found, and an incomplete character. */
static void drop_rest(struct text *text)
{
  text->len -= MAX_SHOWN;
  for (int i = 0; i < 3 && (text->bytes[text->len - 1] & 0xc0) == 0x80; i++)
    text->len--;
  if (text->bytes[text->len - 1] >= 0xc0)
    text->len--;
}

void text_tidy(struct text *text)
{
  size_t len = 0, size;
  hide_signatures(text);
  if (text->cut)
    drop_rest(text);
  for (size_t i = 0; i < text->len; i += size) {
    unsigned char *at = text->bytes + i;
    size_t kept = size = character(at, text->len - i);
    if (size == 0 || is_control(at, size)) {
      at[0] = size == 0 ? '?' : ' ';
      size = size == 0 ? 1 : size;
      kept = 1;
    }
    bool hidden = memchr(text->hidden + i, true, size) != NULL;
    memmove(text->bytes + len, at, kept);
    memset(text->hidden + len, hidden, kept);
    len += kept;
  }
  text->len = len;
}

/* -- in and out -------------------------------------------------------------- */

void text_open(struct text *text, struct bytes from)
{
  memset(text, 0, sizeof(*text));
  text->cut = from.len > TEXT_WINDOW;
  text->len = text->cut ? TEXT_WINDOW : from.len;
  memcpy(text->bytes, from.data, text->len);
}

/* One character, or "***" for all hidden ones in a row, is the next piece to
   write. Returns how many bytes it stands for. A character is hidden where one
   of its bytes is. */
static size_t next(const struct text *text, size_t at, struct bytes *piece)
{
  size_t end = at, size = 0;
  *piece = BYTES("***");
  while (end < text->len) {
    size = character(text->bytes + end, text->len - end);
    if (!memchr(text->hidden + end, true, size))
      break;
    end += size;
  }
  if (end > at)
    return end - at;
  *piece = (struct bytes){(const char *)text->bytes + at, size};
  return size;
}

size_t text_close(struct text *text, char out[TEXT_OUT])
{
  const struct bytes dots = BYTES("...");
  size_t len = 0, read;
  bool more = text->cut;
  for (size_t i = 0; i < text->len; i += read) {
    struct bytes piece;
    read = next(text, i, &piece);
    if (len == 0 && piece.data[0] == ' ')
      continue;
    if (piece.len > TEXT_MAX - len) {
      more = true;
      break;
    }
    memcpy(out + len, piece.data, piece.len);
    len += piece.len;
  }
  OPENSSL_cleanse(text, sizeof(*text));
  while (len > 0 && out[len - 1] == ' ')
    len--;
  if (len > 0 && more) {
    memcpy(out + len, dots.data, dots.len);
    len += dots.len;
  }
  return len;
}
