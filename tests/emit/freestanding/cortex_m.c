// From reset to check(), whose result becomes the exit code of the emulator: bare metal, no library.
#include <stdint.h>

extern uint32_t stack_top, data_begin, data_end, data_source, bss_begin, bss_end;
int check(void);

// Semihosting: asks the debugger, here the emulator, to end with an exit code.
static void leave(uint32_t code) {
  const uint32_t arguments[2] = {0x20026, code};
  register uint32_t operation __asm__("r0") = 0x20;
  register const uint32_t* parameters __asm__("r1") = arguments;
  __asm__ volatile("bkpt 0xAB" : : "r"(operation), "r"(parameters) : "memory");
  for (;;) {
  }
}
static void fault(void) { leave(99); }

void reset(void) {
  uint32_t* from = &data_source;
  for (uint32_t* to = &data_begin; to < &data_end;) *to++ = *from++;
  for (uint32_t* to = &bss_begin; to < &bss_end;) *to++ = 0;
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
  *(volatile uint32_t*)0xE000ED88 |= 0xF << 20;
  __asm__ volatile("dsb; isb");
#endif
  leave((uint32_t)check());
}

__attribute__((section(".vectors"), used)) void* const vectors[16] = {
    &stack_top, (void*)reset, (void*)fault, (void*)fault, (void*)fault, (void*)fault, (void*)fault};
