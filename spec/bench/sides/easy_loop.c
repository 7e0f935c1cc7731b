/* SPDX-License-Identifier: MIT */
/* The least that a call can be: one libcurl easy handle, used again and again
   over a kept connection, that counts the bytes of the answer.

   easy_loop ORIGIN */
#include <curl/curl.h>

#include "rounds.h"

static size_t count(char *data, size_t size, size_t n, void *user)
{
  (void)data;
  *(size_t *)user += size * n;
  return size * n;
}

static void get(void *easy)
{
  size_t bytes = 0;
  long status = 0;
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &bytes);
  must(curl_easy_perform(easy) == CURLE_OK, "the transfer failed");
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  must(status == 200 && bytes > 0, "another answer than 200");
}

int main(int argc, char **argv)
{
  char url[256], authorization[256];
  const char *key = getenv("UDIO_API_KEY");
  must(argc == 2 && key, "easy_loop ORIGIN, in the sandbox");
  snprintf(url, sizeof(url), "%s/api/v2/credits", argv[1]);
  snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s",
           key);
  CURL *easy = curl_easy_init();
  struct curl_slist *headers = curl_slist_append(NULL, authorization);
  headers = curl_slist_append(headers, "User-Agent: balance/scm");
  must(easy && headers, "no libcurl");
  curl_easy_setopt(easy, CURLOPT_URL, url);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy, CURLOPT_CAINFO, getenv("SSL_CERT_FILE"));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count);
  int status = rounds(get, easy);
  curl_easy_cleanup(easy);
  curl_slist_free_all(headers);
  return status;
}
