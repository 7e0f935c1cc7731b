/* SPDX-License-Identifier: MIT */
/* TC3-HMAC-SHA256: signature v3 of Tencent Cloud API 3.0, as its page
   "Signature v3" words it: a canonical request, a string to sign, a signing
   key derived from the secret key, the Authorization value.

   A signer keeps the signing key of the last (secret key, date, service), so
   that a second signature on the same day costs one HMAC instead of four. The
   caller gives the time. */
#ifndef BALANCE_TC3_H
#define BALANCE_TC3_H

#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "bytes.h"
#include "digest.h"

#pragma GCC visibility push(hidden)

enum { TC3_DATE = 10, TC3_TIMESTAMP = 20 };

/* The last second of the year 9999: later dates need more than TC3_DATE. */
#define TC3_MAX_TIMESTAMP INT64_C(253402300799)

/* `headers` are the signed ones, by lower-case name and in any order: signing
   sorts them in place. `path` and `query` are as in the request line, without
   the question mark between them. */
struct tc3_request {
  struct bytes secret_id;
  struct bytes secret_key;
  struct bytes service;
  struct bytes method;
  struct bytes path;
  struct bytes query;
  struct bytes payload;
  struct header *headers;
  size_t header_count;
  int64_t timestamp; /* Unix seconds, 0 to TC3_MAX_TIMESTAMP */
};

enum tc3_status {
  TC3_OK,
  TC3_NO_MEMORY,
  TC3_TOO_LONG, /* everything but the payload: 64 KiB; a service: 63 bytes */
  TC3_CRYPTO    /* OpenSSL refused, see DIGEST_REFUSED */
};

struct tc3;

/* Makes a signer; the caller owns it and frees it with tc3_free. */
enum tc3_status tc3_new(struct tc3 **out);

/* Cleanses what the signer holds and frees it. NULL is fine. */
void tc3_free(struct tc3 *tc3);

/* Signs. The Authorization value belongs to the signer, and lasts until the
   next signature or tc3_forget. */
enum tc3_status tc3_sign(struct tc3 *tc3, struct tc3_request *request,
                         struct bytes *authorization);

/* Cleanses the last Authorization value. */
void tc3_forget(struct tc3 *tc3);

/* The three steps, one by one, as tc3_sign takes them. Each appends its text
   to `out`. `derived`, where it is not NULL, gets SecretDate, SecretService
   and SecretSigning one after another. */
enum tc3_status tc3_canonical_request(struct tc3 *tc3,
                                      struct tc3_request *request,
                                      struct buffer *out);
enum tc3_status tc3_string_to_sign(struct tc3 *tc3,
                                   const struct tc3_request *request,
                                   struct bytes canonical_request,
                                   struct buffer *out);
enum tc3_status tc3_derive_key(struct tc3 *tc3,
                               const struct tc3_request *request,
                               unsigned char derived[3][DIGEST_SIZE]);

/* The UTC date of a Unix time, "2019-02-25", whatever the time zone and the
   locale. */
void tc3_date(int64_t timestamp, char date[TC3_DATE + 1]);

/* A Unix time in decimal digits, somewhere in `text`. */
struct bytes tc3_timestamp(int64_t timestamp, char text[TC3_TIMESTAMP]);

#pragma GCC visibility pop

#endif
