/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L /* fstatat */
#include "trust.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/x509.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libcurl.h"

/* Whether there is a certificate under the hash of its subject, the name that
   OpenSSL looks for, like "5ed36f99.0". */
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

/* Whether opening that name cannot block: it is a regular file or missing. */
static bool is_file_at(int directory, const char *name)
{
  struct stat status;
  return fstatat(directory, name, &status, 0) != 0 || S_ISREG(status.st_mode);
}

static bool is_readable(const char *file)
{
  return file && access(file, R_OK) == 0 && is_file_at(AT_FDCWD, file);
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

/* -- a caller's --------------------------------------------------------------- */

/* Like "5ed36f99.0", or "5ed36f99.r0" for a revocation list. */
static bool is_hashed_name(const char *name)
{
  return strspn(name, "0123456789abcdef") == 8 && name[8] == '.';
}

static bool has_only_files(const char *path)
{
  DIR *directory = opendir(path);
  if (!directory)
    return true; /* OpenSSL cannot read it either */
  bool only = true;
  const struct dirent *entry;
  while (only && (entry = readdir(directory)))
    only = !is_hashed_name(entry->d_name) ||
           is_file_at(dirfd(directory), entry->d_name);
  closedir(directory);
  return only;
}

static bool is_fit_directory(const char *path, size_t len,
                             struct trust_seen *seen)
{
  char copy[4096];
  if (len >= sizeof(copy))
    return true; /* longer than PATH_MAX: it cannot be opened */
  memcpy(copy, path, len);
  copy[len] = '\0';
  struct stat status;
  if (stat(copy, &status) != 0)
    return true;
  struct trust_seen now = {status.st_dev, status.st_ino, status.st_mtime};
  if (now.device == seen->device && now.inode == seen->inode &&
      now.changed == seen->changed)
    return true;
  if (!has_only_files(copy))
    return false;
  *seen = now;
  return true;
}

bool trust_is_fit(const char *file, const char *path, struct trust_seen *seen)
{
  if (file && !is_file_at(AT_FDCWD, file))
    return false;
  while (path && *path) { /* a list, for OpenSSL */
    size_t len = strcspn(path, ":");
    if (!is_fit_directory(path, len, seen))
      return false;
    path += len + (path[len] == ':');
  }
  return true;
}

bool trust_is_good(const char *file)
{
  if (!is_readable(file))
    return false;
  X509_STORE *store = X509_STORE_new();
  bool good = !store || X509_STORE_load_file(store, file);
  X509_STORE_free(store);
  return good;
}
