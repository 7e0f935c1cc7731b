/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <openssl/crypto.h>
#include <stdint.h>
#include <string.h>

/* -- secrets ---------------------------------------------------------------- */

enum {
  TELLING = 8,   /* so many bytes of a secret are as bad as all of it */
  SIGNATURE = 64 /* hexadecimal digits */
};

/* A secret, and a filter of what its pieces hash to, so that a long text is
   not compared with every piece of a long secret. */
struct needle {
  struct bytes secret;
  size_t piece; /* bytes: all of a short secret, some of a long one */
  unsigned char filter[2048]; /* a bit for each hash */
};

/* The locale has no say in what a letter is. */
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

/* The same for both cases of a letter. */
static size_t hash(const char *piece, size_t len)
{
  uint64_t bits = 0;
  memcpy(&bits, piece, len);
  bits |= UINT64_C(0x2020202020202020);
  return (size_t)(bits * UINT64_C(0x9e3779b97f4a7c15) >> 50);
}

/* False: nothing of it can be in a text of this length. */
static bool needle_open(struct needle *needle, struct bytes secret, size_t len)
{
  size_t piece = secret.len < TELLING ? secret.len : TELLING;
  if (piece == 0 || piece > len)
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

bool text_has_secret(struct bytes text, struct bytes secret)
{
  struct needle needle;
  bool found = false;
  if (!needle_open(&needle, secret, text.len))
    return false;
  for (size_t i = 0; !found && i + needle.piece <= text.len; i++)
    found = is_piece(&needle, text.data + i);
  OPENSSL_cleanse(&needle, sizeof(needle));
  return found;
}

/* Space around a piece shows nothing. */
static void hide_piece(struct text *text, size_t first, size_t len)
{
  size_t end = first + len;
  while (first < end && text->bytes[first] == ' ')
    first++;
  while (first < end && text->bytes[end - 1] == ' ')
    end--;
  memset(text->hidden + first, true, end - first);
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
  OPENSSL_cleanse(&needle, sizeof(needle));
}

static bool is_hex(unsigned char c)
{
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
         (c >= 'A' && c <= 'F');
}

/* Digits as many as a signature has, fewer after its name, which may be cut
   short, and what the end of the window cut short. */
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
    bool is_cut = text->cut && end == text->len && digits >= TELLING;
    if (digits >= SIGNATURE || is_named || is_cut)
      memset(text->hidden + i, true, digits);
  }
}

/* -- characters ------------------------------------------------------------- */

/* How many bytes the character has that the text begins with; 0: it is none.
   As the Unicode Standard's table 3-7 has it. */
static size_t character(const unsigned char *at, size_t len)
{
  unsigned char first = at[0];
  if (first < 0x80)
    return 1;
  if (first < 0xc2 || first > 0xf4)
    return 0;
  size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  unsigned char least = 0x80, most = 0xbf; /* of the second byte */
  if (first == 0xe0)
    least = 0xa0; /* below: longer than it need be */
  else if (first == 0xed)
    most = 0x9f; /* above: a surrogate */
  else if (first == 0xf0)
    least = 0x90;
  else if (first == 0xf4)
    most = 0x8f; /* above: no character any more */
  if (len < size || at[1] < least || at[1] > most)
    return 0;
  for (size_t i = 2; i < size; i++)
    if ((at[i] & 0xc0) != 0x80)
      return 0;
  return size;
}

bool text_is_utf8(struct bytes text)
{
  const unsigned char *bytes = (const unsigned char *)text.data;
  size_t size = 1;
  for (size_t i = 0; i < text.len && size; i += size)
    size = character(bytes + i, text.len - i);
  return size > 0;
}

/* What ends a line, or moves what is shown: both sets of control characters,
   the separators of lines and paragraphs, and what turns the direction. */
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

/* Off the end of the window: what is left there of a secret that is too short
   to be told by a piece, and of a character. */
static void drop_rest(struct text *text)
{
  text->len -= TELLING - 1;
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

/* -- from beginning to end -------------------------------------------------- */

void text_open(struct text *text, struct bytes from)
{
  memset(text, 0, sizeof(*text));
  text->cut = from.len > TEXT_WINDOW;
  text->len = text->cut ? TEXT_WINDOW : from.len;
  memcpy(text->bytes, from.data, text->len);
}

/* A character that is hidden in part is hidden; what stands in a row is one
   secret. Returns how many bytes were read, and points to what to write. */
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
    if (piece.len > TEXT_LONGEST - len) {
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
