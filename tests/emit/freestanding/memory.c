// What compilers may call even in freestanding code.
#include <stddef.h>

void* memcpy(void* to, const void* from, size_t count) {
  for (size_t i = 0; i < count; ++i) ((volatile char*)to)[i] = ((const char*)from)[i];
  return to;
}
void* memset(void* to, int value, size_t count) {
  for (size_t i = 0; i < count; ++i) ((volatile char*)to)[i] = (char)value;
  return to;
}
