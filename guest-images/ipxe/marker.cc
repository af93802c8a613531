// SPDX-License-Identifier: GPL-2.0-or-later
// /init of the image that iPXE loads: says on the console what iPXE told the kernel, and powers
// off.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

int main() {
  char text[4096] = "";
  mkdir("/proc", 0755);
  mount("proc", "/proc", "proc", 0, nullptr);
  const int file = open("/proc/cmdline", O_RDONLY);
  const ssize_t got = file < 0 ? 0 : read(file, text, sizeof text - 1);
  text[got > 0 ? got : 0] = 0;
  char* told = strstr(text, "gh.ipxe=");
  if (told != nullptr) told[strcspn(told, " \n")] = 0;
  dprintf(1, "\nGATEHOUSE-IPXE-BOOTED %s\n", told == nullptr ? "" : told + strlen("gh.ipxe="));
  tcdrain(1);
  reboot(RB_POWER_OFF);
  return 1;
}
