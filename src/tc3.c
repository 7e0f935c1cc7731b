/* SPDX-License-Identifier: MIT */
#include "tc3.h"

#include <openssl/crypto.h>
#include <stdbool.h>
#include <string.h>

#define ALGORITHM "TC3-HMAC-SHA256"
#define TERMINATOR "tc3_request"

enum { MAX_TEXT = 64 * 1024, MAX_SERVICE = 63, SECONDS_A_DAY = 86400 };

struct tc3 {
  struct digest *digest;

  bool keyed; /* the HMAC, with the signing key of the following */
  unsigned char key_digest[DIGEST_SIZE]; /* of the secret key */
  char date[TC3_DATE + 1];
  char service[MAX_SERVICE + 1];
  size_t service_len;

  struct buffer canonical_request;
  struct buffer string_to_sign;
  struct buffer authorization;
};

static enum tc3_status of_digest(enum digest_status status)
{
  switch (status) {
  case DIGEST_OK:
    return TC3_OK;
  case DIGEST_NO_MEMORY:
    return TC3_NO_MEMORY;
  case DIGEST_REFUSED:
    break;
  }
  return TC3_CRYPTO;
}

static enum tc3_status of_buffer(enum buffer_status status)
{
  switch (status) {
  case BUFFER_OK:
    return TC3_OK;
  case BUFFER_FULL:
    return TC3_TOO_LONG;
  case BUFFER_NO_MEMORY:
    break;
  }
  return TC3_NO_MEMORY;
}

#define APPEND(out, ...) of_buffer(BUFFER_APPEND((out), __VA_ARGS__))

static enum tc3_status sha256(struct tc3 *tc3, struct bytes in,
                              unsigned char out[DIGEST_SIZE])
{
  return of_digest(digest_sha256(tc3->digest, in, out));
}

static enum tc3_status set_key(struct tc3 *tc3, const unsigned char *key,
                               size_t len)
{
  return of_digest(digest_set_key(tc3->digest, key, len));
}

static enum tc3_status hmac(struct tc3 *tc3, struct bytes in,
                            unsigned char out[DIGEST_SIZE])
{
  return of_digest(digest_hmac(tc3->digest, in, out));
}

/* -- text ---------------------------------------------------------------- */

struct bytes tc3_timestamp(int64_t timestamp, char text[TC3_TIMESTAMP])
{
  size_t at = TC3_TIMESTAMP; /* from its end */
  do
    text[--at] = (char)('0' + timestamp % 10);
  while (timestamp /= 10);
  return (struct bytes){text + at, TC3_TIMESTAMP - at};
}

/* From days since 1970 to a date of the Gregorian calendar. Here a year begins
   in March, so that the leap day is its last, and an era has 400 years. */
void tc3_date(int64_t timestamp, char date[TC3_DATE + 1])
{
  enum { DAYS_FROM_0000_03_01 = 719468, DAYS_AN_ERA = 146097 };
  unsigned days = (unsigned)(timestamp / SECONDS_A_DAY) + DAYS_FROM_0000_03_01;
  unsigned era = days / DAYS_AN_ERA;
  unsigned day_of_era = days % DAYS_AN_ERA;
  unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
                          day_of_era / 146096) /
                         365;
  unsigned day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  unsigned march_based = (5 * day_of_year + 2) / 153;
  unsigned day = day_of_year - (153 * march_based + 2) / 5 + 1;
  unsigned month = march_based < 10 ? march_based + 3 : march_based - 9;
  unsigned year = era * 400 + year_of_era + (month <= 2);

  const unsigned fields[] = {year / 100, year % 100, month, day};
  for (size_t i = 0, at = 0; i < 4; i++) {
    if (i >= 2)
      date[at++] = '-';
    date[at++] = (char)('0' + fields[i] / 10);
    date[at++] = (char)('0' + fields[i] % 10);
  }
  date[TC3_DATE] = '\0';
}

static struct bytes trimmed(struct bytes in)
{
  while (in.len && (in.data[0] == ' ' || in.data[0] == '\t'))
    in = (struct bytes){in.data + 1, in.len - 1};
  while (in.len && (in.data[in.len - 1] == ' ' || in.data[in.len - 1] == '\t'))
    in.len--;
  return in;
}

/* A to Z only: tolower() depends on the locale. */
static void lower(char *text, size_t len)
{
  for (size_t i = 0; i < len; i++)
    if (text[i] >= 'A' && text[i] <= 'Z')
      text[i] = (char)(text[i] - 'A' + 'a');
}

static int compare(struct bytes a, struct bytes b)
{
  int order = memcmp(a.data, b.data, a.len < b.len ? a.len : b.len);
  return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Insertion sort: there are two or three. */
static void sort_by_name(struct header *headers, size_t count)
{
  for (size_t i = 1; i < count; i++) {
    struct header moving = headers[i];
    size_t at = i;
    for (; at && compare(headers[at - 1].name, moving.name) > 0; at--)
      headers[at] = headers[at - 1];
    headers[at] = moving;
  }
}

static enum tc3_status signed_headers(const struct tc3_request *request,
                                      struct buffer *out)
{
  for (size_t i = 0; i < request->header_count; i++) {
    struct bytes separator = {";", i > 0};
    enum tc3_status status = APPEND(out, separator, request->headers[i].name);
    if (status != TC3_OK)
      return status;
  }
  return TC3_OK;
}

/* -- the three steps ----------------------------------------------------- */

enum tc3_status tc3_canonical_request(struct tc3 *tc3,
                                      struct tc3_request *request,
                                      struct buffer *out)
{
  sort_by_name(request->headers, request->header_count);

  enum tc3_status status =
      APPEND(out, request->method, BYTES("\n"), request->path, BYTES("\n"),
             request->query, BYTES("\n"));
  for (size_t i = 0; status == TC3_OK && i < request->header_count; i++) {
    struct header header = request->headers[i];
    status = APPEND(out, header.name, BYTES(":"));
    size_t start = out->len;
    if (status == TC3_OK)
      status = APPEND(out, trimmed(header.value), BYTES("\n"));
    if (status == TC3_OK)
      lower(out->data + start, out->len - start);
  }
  if (status == TC3_OK)
    status = APPEND(out, BYTES("\n"));
  if (status == TC3_OK)
    status = signed_headers(request, out);

  unsigned char digest[DIGEST_SIZE];
  char hashed_payload[DIGEST_HEX];
  if (status == TC3_OK)
    status = sha256(tc3, request->payload, digest);
  if (status == TC3_OK) {
    digest_to_hex(digest, hashed_payload);
    status =
        APPEND(out, BYTES("\n"), (struct bytes){hashed_payload, DIGEST_HEX});
  }
  return status;
}

enum tc3_status tc3_string_to_sign(struct tc3 *tc3,
                                   const struct tc3_request *request,
                                   struct bytes canonical_request,
                                   struct buffer *out)
{
  unsigned char digest[DIGEST_SIZE];
  enum tc3_status status = sha256(tc3, canonical_request, digest);
  if (status != TC3_OK)
    return status;
  char hashed_canonical_request[DIGEST_HEX];
  digest_to_hex(digest, hashed_canonical_request);

  char timestamp[TC3_TIMESTAMP];
  char date[TC3_DATE + 1];
  tc3_date(request->timestamp, date);
  return APPEND(out, BYTES(ALGORITHM "\n"),
                tc3_timestamp(request->timestamp, timestamp), BYTES("\n"),
                (struct bytes){date, TC3_DATE}, BYTES("/"), request->service,
                BYTES("/" TERMINATOR "\n"),
                (struct bytes){hashed_canonical_request, DIGEST_HEX});
}

enum tc3_status tc3_derive_key(struct tc3 *tc3,
                               const struct tc3_request *request,
                               unsigned char derived[3][DIGEST_SIZE])
{
  const struct bytes prefix = BYTES("TC3");
  size_t secret_len = prefix.len + request->secret_key.len;
  unsigned char *secret = OPENSSL_malloc(secret_len);
  if (!secret)
    return TC3_NO_MEMORY;
  memcpy(secret, prefix.data, prefix.len);
  if (request->secret_key.len)
    memcpy(secret + prefix.len, request->secret_key.data,
           request->secret_key.len);

  char date[TC3_DATE + 1];
  tc3_date(request->timestamp, date);
  unsigned char keys[3][DIGEST_SIZE];
  unsigned char *secret_date = keys[0];
  unsigned char *secret_service = keys[1];
  unsigned char *secret_signing = keys[2];

  enum tc3_status status = set_key(tc3, secret, secret_len);
  if (status == TC3_OK)
    status = hmac(tc3, (struct bytes){date, TC3_DATE}, secret_date);
  if (status == TC3_OK)
    status = set_key(tc3, secret_date, DIGEST_SIZE);
  if (status == TC3_OK)
    status = hmac(tc3, request->service, secret_service);
  if (status == TC3_OK)
    status = set_key(tc3, secret_service, DIGEST_SIZE);
  if (status == TC3_OK)
    status = hmac(tc3, BYTES(TERMINATOR), secret_signing);
  if (status == TC3_OK)
    status = set_key(tc3, secret_signing, DIGEST_SIZE);

  if (derived)
    memcpy(derived, keys, sizeof(keys));
  OPENSSL_cleanse(keys, sizeof(keys));
  OPENSSL_clear_free(secret, secret_len);
  return status;
}

/* Keys the HMAC for (secret key, date, service). Of the secret key only the
   digest is kept, to tell it from the next one. */
static enum tc3_status use_signing_key(struct tc3 *tc3,
                                       const struct tc3_request *request)
{
  char date[TC3_DATE + 1];
  tc3_date(request->timestamp, date);
  unsigned char key_digest[DIGEST_SIZE];
  enum tc3_status status = sha256(tc3, request->secret_key, key_digest);
  if (status != TC3_OK)
    return status;

  bool same =
      tc3->keyed && memcmp(tc3->date, date, TC3_DATE) == 0 &&
      tc3->service_len == request->service.len &&
      memcmp(tc3->service, request->service.data, tc3->service_len) == 0 &&
      CRYPTO_memcmp(tc3->key_digest, key_digest, DIGEST_SIZE) == 0;
  if (same)
    return TC3_OK;
  if (request->service.len > MAX_SERVICE)
    return TC3_TOO_LONG;

  tc3->keyed = false;
  status = tc3_derive_key(tc3, request, NULL);
  if (status != TC3_OK)
    return status;
  memcpy(tc3->key_digest, key_digest, DIGEST_SIZE);
  memcpy(tc3->date, date, sizeof(date));
  if (request->service.len)
    memcpy(tc3->service, request->service.data, request->service.len);
  tc3->service_len = request->service.len;
  tc3->keyed = true;
  return TC3_OK;
}

/* -- the signer ---------------------------------------------------------- */

static enum tc3_status authorize(struct tc3 *tc3, struct tc3_request *request)
{
  enum tc3_status status =
      tc3_canonical_request(tc3, request, &tc3->canonical_request);
  if (status == TC3_OK)
    status =
        tc3_string_to_sign(tc3, request, buffer_bytes(&tc3->canonical_request),
                           &tc3->string_to_sign);
  if (status == TC3_OK)
    status = use_signing_key(tc3, request);

  unsigned char digest[DIGEST_SIZE];
  char signature[DIGEST_HEX];
  if (status == TC3_OK)
    status = hmac(tc3, buffer_bytes(&tc3->string_to_sign), digest);
  if (status == TC3_OK) {
    digest_to_hex(digest, signature);
    status =
        APPEND(&tc3->authorization, BYTES(ALGORITHM " Credential="),
               request->secret_id, BYTES("/"),
               (struct bytes){tc3->date, TC3_DATE}, BYTES("/"),
               request->service, BYTES("/" TERMINATOR ", SignedHeaders="));
  }
  if (status == TC3_OK)
    status = signed_headers(request, &tc3->authorization);
  if (status == TC3_OK)
    status = APPEND(&tc3->authorization, BYTES(", Signature="),
                    (struct bytes){signature, DIGEST_HEX});
  return status;
}

enum tc3_status tc3_sign(struct tc3 *tc3, struct tc3_request *request,
                         struct bytes *authorization)
{
  *authorization = (struct bytes){NULL, 0};
  buffer_reset(&tc3->authorization);

  enum tc3_status status = authorize(tc3, request);
  buffer_reset(&tc3->canonical_request);
  buffer_reset(&tc3->string_to_sign);
  if (status == TC3_OK)
    *authorization = buffer_bytes(&tc3->authorization);
  else
    tc3_forget(tc3);
  return status;
}

void tc3_forget(struct tc3 *tc3)
{
  buffer_reset(&tc3->authorization);
}

enum tc3_status tc3_new(struct tc3 **out)
{
  *out = NULL;
  struct tc3 *tc3 = OPENSSL_zalloc(sizeof(*tc3));
  if (!tc3)
    return TC3_NO_MEMORY;
  buffer_init(&tc3->canonical_request, MAX_TEXT);
  buffer_init(&tc3->string_to_sign, MAX_TEXT);
  buffer_init(&tc3->authorization, MAX_TEXT);

  enum tc3_status status = of_digest(digest_new(&tc3->digest));
  if (status != TC3_OK) {
    tc3_free(tc3);
    return status;
  }
  *out = tc3;
  return TC3_OK;
}

void tc3_free(struct tc3 *tc3)
{
  if (!tc3)
    return;
  digest_free(tc3->digest);
  buffer_free(&tc3->canonical_request);
  buffer_free(&tc3->string_to_sign);
  buffer_free(&tc3->authorization);
  OPENSSL_clear_free(tc3, sizeof(*tc3));
}
