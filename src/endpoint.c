/* SPDX-License-Identifier: MIT */
#include "endpoint.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

const char endpoint_in_clear[] =
    "http:// is for loopback addresses only, use https://";

const char endpoint_no_memory[] = "there is no memory to read it";

static const char *part(CURLU *url, CURLUPart which, char out[ENDPOINT_MAX])
{
  char *text = NULL;
  out[0] = '\0';
  CURLUcode code = curl_url_get(url, which, &text, CURLU_NO_DEFAULT_PORT);
  if (code == CURLUE_OUT_OF_MEMORY)
    return endpoint_no_memory;
  if (code != CURLUE_OK)
    return NULL; /* not there, which is for the caller to judge */
  size_t len = strlen(text);
  if (len < ENDPOINT_MAX)
    memcpy(out, text, len + 1);
  curl_free(text);
  return len < ENDPOINT_MAX ? NULL : "it is too long";
}

/* Tencent's metadata service, to whose machines alone it answers. */
static bool is_metadata(const char *host, const char *port)
{
  return strcmp(host, "metadata.tencentyun.com") == 0 && !port[0];
}

/* 127.0.0.0/8, ::1 and the one name that libcurl never looks up. */
static bool is_loopback(const char *host)
{
  struct in_addr address;
  if (inet_pton(AF_INET, host, &address) == 1)
    return ntohl(address.s_addr) >> 24 == 127;
  return curl_strequal(host, "localhost") || strcmp(host, "[::1]") == 0;
}

/* Letters, digits, dot, hyphen, underscore, or an IPv6 address. */
static bool is_plain_host(const char *host)
{
  return host[0] && host[strspn(host, "abcdefghijklmnopqrstuvwxyz"
                                      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789.-_:[]")] == '\0';
}

static const char no_host[] = "its host is not a host name or an address";

/* Whether a dot ends what is no name. Of "127.0.0.1." a newer libcurl makes an
   address, and 8.14 does not. */
static bool is_odd_at_end(const char *host)
{
  size_t len = strcspn(host, ":/");
  if (len == 0 || host[len - 1] != '.')
    return false;
  size_t label = --len;
  while (label > 0 && host[label - 1] != '.')
    label--;
  return label == len || (host[label] >= '0' && host[label] <= '9');
}

static const char *check(CURLU *url, struct endpoint *out)
{
  static const CURLUPart unwanted[] = {CURLUPART_USER, CURLUPART_PASSWORD,
                                       CURLUPART_QUERY, CURLUPART_FRAGMENT,
                                       CURLUPART_ZONEID};
  char scheme[ENDPOINT_MAX], host[ENDPOINT_MAX], port[ENDPOINT_MAX],
      path[ENDPOINT_MAX];

  for (size_t i = 0; i < sizeof(unwanted) / sizeof(*unwanted); i++) {
    char found[ENDPOINT_MAX];
    const char *problem = part(url, unwanted[i], found);
    if (problem)
      return problem;
    if (found[0])
      return "it must be scheme, host and port, and nothing else";
  }
  const char *problem = part(url, CURLUPART_SCHEME, scheme);
  if (!problem)
    problem = part(url, CURLUPART_HOST, host);
  if (!problem)
    problem = part(url, CURLUPART_PORT, port);
  if (!problem)
    problem = part(url, CURLUPART_PATH, path);
  if (problem)
    return problem;

  if (path[0] && strcmp(path, "/") != 0)
    return "it must have no path";
  if (!is_plain_host(host))
    return no_host;
  out->tls = strcmp(scheme, "https") == 0;
  if (!out->tls && strcmp(scheme, "http") != 0)
    return "it must begin with https://";
  out->metadata = !out->tls && !is_loopback(host);
  if (out->metadata && !is_metadata(host, port))
    return endpoint_in_clear;

  const char *colon = port[0] ? ":" : "";
  int host_len =
      snprintf(out->host, ENDPOINT_MAX, "%s%s%s", host, colon, port);
  int origin_len =
      snprintf(out->origin, ENDPOINT_MAX, "%s://%s", scheme, out->host);
  if (host_len >= ENDPOINT_MAX || origin_len >= ENDPOINT_MAX)
    return "it is too long";
  return NULL;
}

const char *endpoint_parse(struct bytes text, struct endpoint *out)
{
  *out = (struct endpoint){.tls = true};
  char copy[ENDPOINT_MAX];
  if (text.len >= sizeof(copy))
    return "it is too long";
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.data[i];
    if (c <= ' ' || c >= 0x7f || strchr("?#%\\@", c))
      return "it must be scheme, host and port, and nothing else";
    copy[i] = text.data[i];
  }
  copy[text.len] = '\0';

  /* libcurl would take one slash, and three, for two */
  const char *colon = strchr(copy, ':');
  if (!colon || strncmp(colon, "://", 3) != 0)
    return "it must begin with https://";
  if (colon[3] == '/')
    return "it is not a URL";
  if (is_odd_at_end(colon + 3))
    return no_host;

  CURLU *url = curl_url();
  if (!url)
    return endpoint_no_memory;
  CURLUcode code = curl_url_set(url, CURLUPART_URL, copy, CURLU_PATH_AS_IS);
  const char *problem = code == CURLUE_OK              ? check(url, out)
                        : code == CURLUE_OUT_OF_MEMORY ? endpoint_no_memory
                                                       : "it is not a URL";
  curl_url_cleanup(url);
  return problem;
}
