/* SPDX-License-Identifier: MIT
 *
 * Preloaded with AddressSanitizer's runtime into an interpreter. Programs
 * that the interpreter starts (a shell, curl, nginx) run without both: some of
 * them hang under the runtime. Modules stay mapped, because leaks are reported
 * after lua_close, and names need the code.
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
