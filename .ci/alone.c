/* SPDX-License-Identifier: MIT
 *
 * Preloaded beside AddressSanitizer's runtime into an interpreter, and into
 * that process alone: what it starts (a shell, curl, nginx) was not meant,
 * and some of it hangs under the runtime. Modules stay mapped, because a
 * leak is reported after lua_close, with names only where the code still is.
 */
#include <stdlib.h>

int dlclose(void *handle);

int dlclose(void *handle)
{
  (void)handle;
  return 0;
}

__attribute__((constructor)) static void preload_nothing_else(void)
{
  unsetenv("LD_PRELOAD");
}
