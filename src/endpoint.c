/* SPDX-License-Identifier: MIT */
#include "endpoint.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

const char *endpoint_message(enum endpoint_status status)
{
  switch (status) {
  case ENDPOINT_OK:
    break;
  case ENDPOINT_NO_MEMORY:
    return "there is no memory to read it";
  case ENDPOINT_TOO_LONG:
    return "it is too long";
  case ENDPOINT_NO_URL:
    return "it is not a URL";
  case ENDPOINT_NO_HTTPS:
    return "it must begin with https://";
  case ENDPOINT_NO_HOST:
    return "its host is not a host name or an address";
  case ENDPOINT_HAS_PATH:
    return "it must have no path";
  case ENDPOINT_HAS_MORE:
    return "it must be scheme, host and port, and nothing else";
  case ENDPOINT_IN_CLEAR:
    return "http:// is for loopback addresses only, use https://";
  }
  return "nothing is wrong with it";
}

/* A part that is not there is empty. */
static enum endpoint_status get_part(CURLU *url, CURLUPart which,
                                     char out[ENDPOINT_MAX])
{
  char *text = NULL;
  out[0] = '\0';
  CURLUcode code = curl_url_get(url, which, &text, CURLU_NO_DEFAULT_PORT);
  if (code == CURLUE_OUT_OF_MEMORY)
    return ENDPOINT_NO_MEMORY;
  if (code != CURLUE_OK)
    return ENDPOINT_OK;
  size_t len = strlen(text);
  if (len < ENDPOINT_MAX)
    memcpy(out, text, len + 1);
  curl_free(text);
  return len < ENDPOINT_MAX ? ENDPOINT_OK : ENDPOINT_TOO_LONG;
}

/* 127.0.0.0/8, ::1, and the one name that libcurl does not look up. */
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

/* Whether a dot is at the end of something that is not a name. "127.0.0.1." is
   an address for libcurl after 8.14, and a name before. */
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

static enum endpoint_status check(CURLU *url, const char *clear_host,
                                  struct endpoint *out)
{
  static const CURLUPart unwanted[] = {CURLUPART_USER, CURLUPART_PASSWORD,
                                       CURLUPART_QUERY, CURLUPART_FRAGMENT,
                                       CURLUPART_ZONEID};
  char scheme[ENDPOINT_MAX], host[ENDPOINT_MAX], port[ENDPOINT_MAX],
      path[ENDPOINT_MAX];

  for (size_t i = 0; i < sizeof(unwanted) / sizeof(*unwanted); i++) {
    char found[ENDPOINT_MAX];
    enum endpoint_status status = get_part(url, unwanted[i], found);
    if (status != ENDPOINT_OK)
      return status;
    if (found[0])
      return ENDPOINT_HAS_MORE;
  }
  enum endpoint_status status = get_part(url, CURLUPART_SCHEME, scheme);
  if (status == ENDPOINT_OK)
    status = get_part(url, CURLUPART_HOST, host);
  if (status == ENDPOINT_OK)
    status = get_part(url, CURLUPART_PORT, port);
  if (status == ENDPOINT_OK)
    status = get_part(url, CURLUPART_PATH, path);
  if (status != ENDPOINT_OK)
    return status;

  if (path[0] && strcmp(path, "/") != 0)
    return ENDPOINT_HAS_PATH;
  if (!is_plain_host(host))
    return ENDPOINT_NO_HOST;
  out->tls = strcmp(scheme, "https") == 0;
  if (!out->tls && strcmp(scheme, "http") != 0)
    return ENDPOINT_NO_HTTPS;
  out->in_clear = !out->tls && !is_loopback(host);
  if (out->in_clear &&
      (!clear_host || strcmp(host, clear_host) != 0 || port[0]))
    return ENDPOINT_IN_CLEAR;

  const char *colon = port[0] ? ":" : "";
  int host_len =
      snprintf(out->host, ENDPOINT_MAX, "%s%s%s", host, colon, port);
  int origin_len =
      snprintf(out->origin, ENDPOINT_MAX, "%s://%s", scheme, out->host);
  return host_len < ENDPOINT_MAX && origin_len < ENDPOINT_MAX
             ? ENDPOINT_OK
             : ENDPOINT_TOO_LONG;
}

enum endpoint_status endpoint_parse(struct bytes text, const char *clear_host,
                                    struct endpoint *out)
{
  *out = (struct endpoint){.tls = true};
  char copy[ENDPOINT_MAX];
  if (text.len >= sizeof(copy))
    return ENDPOINT_TOO_LONG;
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.data[i];
    if (c <= ' ' || c >= 0x7f || strchr("?#%\\@", c))
      return ENDPOINT_HAS_MORE;
    copy[i] = text.data[i];
  }
  copy[text.len] = '\0';

  /* libcurl would accept one slash, or three */
  const char *colon = strchr(copy, ':');
  if (!colon || strncmp(colon, "://", 3) != 0)
    return ENDPOINT_NO_HTTPS;
  if (colon[3] == '/')
    return ENDPOINT_NO_URL;
  if (is_odd_at_end(colon + 3))
    return ENDPOINT_NO_HOST;

  CURLU *url = curl_url();
  if (!url)
    return ENDPOINT_NO_MEMORY;
  CURLUcode code = curl_url_set(url, CURLUPART_URL, copy, CURLU_PATH_AS_IS);
  enum endpoint_status status = ENDPOINT_NO_URL;
  if (code == CURLUE_OK)
    status = check(url, clear_host, out);
  else if (code == CURLUE_OUT_OF_MEMORY)
    status = ENDPOINT_NO_MEMORY;
  curl_url_cleanup(url);
  return status;
}
