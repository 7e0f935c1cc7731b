/* SPDX-License-Identifier: MIT */
#include "trust.h"

#include <dirent.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "libcurl.h"

/* Whether a certificate is there by the name OpenSSL looks for, like
   "5ed36f99.0": the hash of its subject. */
static bool has_hashed_names(const char *path)
{
  DIR *directory = path ? opendir(path) : NULL;
  if (!directory)
    return false;
  bool found = false;
  const struct dirent *entry;
  while (!found && (entry = readdir(directory)))
    found = strlen(entry->d_name) == 10 &&
            strspn(entry->d_name, "0123456789abcdef") == 8 &&
            strcmp(entry->d_name + 8, ".0") == 0;
  closedir(directory);
  return found;
}

static bool is_readable(const char *file)
{
  return file && access(file, R_OK) == 0;
}

struct trust trust_of_system(void)
{
  const curl_version_info_data *curl = libcurl_info();
  const char *paths[] = {curl->capath, X509_get_default_cert_dir()};
  const char *files[] = {curl->cainfo, X509_get_default_cert_file()};

  for (size_t i = 0; i < 2; i++)
    if (has_hashed_names(paths[i]))
      return (struct trust){.path = paths[i]};
  for (size_t i = 0; i < 2; i++)
    if (is_readable(files[i]))
      return (struct trust){.file = files[i]};
  return (struct trust){.file = curl->cainfo, .path = curl->capath};
}
