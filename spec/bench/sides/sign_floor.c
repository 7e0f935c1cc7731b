/* SPDX-License-Identifier: MIT */
/* The least that a signature can cost with OpenSSL: nothing but the hashes of
   sign.lua's request and the text between them, with fetched algorithms, one
   context for each, and the signing key derived once. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "rounds.h"

#define SCOPE "2019-02-25/billing/tc3_request"
#define SIGNED "content-type;host;x-tc-action"

enum { DIGEST = 32, HEX = 2 * DIGEST };

static const char key[] = "TC3Gu5t9xGARNpq86cd98joQYCN3EXAMPLE";
static const char payload[] = "{}";
static const char canonical_request[] =
    "POST\n/\n\n"
    "content-type:application/json; charset=utf-8\n"
    "host:billing.intl.tencentcloudapi.com\n"
    "x-tc-action:describeaccountbalance\n\n" SIGNED "\n";
static const char string_to_sign[] =
    "TC3-HMAC-SHA256\n1551113065\n" SCOPE "\n";
static const char authorization[] =
    "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE/" SCOPE
    ", SignedHeaders=" SIGNED ", Signature=";

struct floor {
  EVP_MD *sha256;
  EVP_MD_CTX *digest;
  EVP_MAC_CTX *hmac;
  char signed_as[sizeof(authorization) + HEX];
};

static void write_hex(const unsigned char digest[DIGEST], char *out)
{
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < DIGEST; i++) {
    out[2 * i] = digits[digest[i] >> 4];
    out[2 * i + 1] = digits[digest[i] & 15];
  }
}

static void sha256(struct floor *floor, const char *text, size_t len,
                   char *hex)
{
  unsigned char digest[DIGEST];
  must(EVP_DigestInit_ex2(floor->digest, floor->sha256, NULL) &&
           EVP_DigestUpdate(floor->digest, text, len) &&
           EVP_DigestFinal_ex(floor->digest, digest, NULL),
       "no SHA-256");
  write_hex(digest, hex);
}

static void hmac(struct floor *floor, const void *with, size_t with_len,
                 const char *text, size_t len, unsigned char out[DIGEST])
{
  size_t written;
  must(EVP_MAC_init(floor->hmac, with, with_len, NULL) &&
           EVP_MAC_update(floor->hmac, (const unsigned char *)text, len) &&
           EVP_MAC_final(floor->hmac, out, &written, DIGEST),
       "no HMAC");
}

/* The text with the hexadecimal digest of another behind it. */
static size_t join(struct floor *floor, char *out, const char *text,
                   size_t len, const char *hashed, size_t hashed_len)
{
  memcpy(out, text, len);
  sha256(floor, hashed, hashed_len, out + len);
  return len + HEX;
}

static void sign(void *state)
{
  struct floor *floor = state;
  char request[sizeof(canonical_request) + HEX];
  char string[sizeof(string_to_sign) + HEX];
  unsigned char digest[DIGEST];
  size_t len = join(floor, request, canonical_request,
                    sizeof(canonical_request) - 1, payload, 2);
  len = join(floor, string, string_to_sign, sizeof(string_to_sign) - 1,
             request, len);
  hmac(floor, NULL, 0, string, len, digest);
  memcpy(floor->signed_as, authorization, sizeof(authorization) - 1);
  write_hex(digest, floor->signed_as + sizeof(authorization) - 1);
}

int main(void)
{
  struct floor floor = {.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL),
                        .digest = EVP_MD_CTX_new()};
  floor.hmac = EVP_MAC_CTX_new(EVP_MAC_fetch(NULL, "HMAC", NULL));
  char name[] = "SHA256";
  const OSSL_PARAM params[] = {
      OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, name, sizeof(name) - 1),
      OSSL_PARAM_END};
  must(floor.sha256 && floor.digest && floor.hmac &&
           EVP_MAC_CTX_set_params(floor.hmac, params),
       "no OpenSSL");

  unsigned char derived[DIGEST];
  hmac(&floor, key, sizeof(key) - 1, "2019-02-25", 10, derived);
  hmac(&floor, derived, DIGEST, "billing", 7, derived);
  hmac(&floor, derived, DIGEST, "tc3_request", 11, derived);
  must(EVP_MAC_init(floor.hmac, derived, DIGEST, NULL), "no HMAC");

  sign(&floor);
  puts(floor.signed_as);
  fflush(stdout);
  return rounds(sign, &floor);
}
