/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's BIOS: from reset, and from an SMI, to main.cc in 64-bit mode with the first TiB mapped to itself. SMRAM is
 * not locked and SMBASE is where reset left it, so that the handler is the intruder's own.
 */
  .set kRom, 0xffff0000
  .set kTables, 0x10000       /* PML4; behind it two page directory pointer tables of 1 GiB pages */
  .set kStack, 0x80000
  .set kSmmStack, 0x90000

  .section .text
  .code16
real:
  cli
  lgdtl %cs:(descriptors_pointer - kRom)
  mov %cr0, %eax
  or $1, %eax
  mov %eax, %cr0
  ljmpl $0x08, $protected

/* Copied to SMBASE + 8000h. Descriptors are still those of before. */
  .globl smm_stub, smm_stub_end
smm_stub:
  mov %cr0, %eax
  or $1, %eax
  mov %eax, %cr0
  ljmpl $0x08, $smm_protected
smm_stub_end:

  .code32
.macro long_mode target
  mov $0x10, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %ss
  mov $0x620, %eax            /* PAE, OSFXSR, OSXMMEXCPT */
  mov %eax, %cr4
  mov $kTables, %eax
  mov %eax, %cr3
  mov $0xc0000080, %ecx
  rdmsr
  or $0x100, %eax
  wrmsr
  mov %cr0, %eax
  or $0x80000000, %eax
  mov %eax, %cr0
  ljmp $0x18, $\target
.endm

protected:
  mov $0x10, %eax
  mov %eax, %ds
  mov $kTables, %edi
  movl $kTables + 0x1003, (%edi)
  movl $0, 4(%edi)
  movl $kTables + 0x2003, 8(%edi)
  movl $0, 12(%edi)
  add $0x1000, %edi
  xor %ecx, %ecx
1:
  mov %ecx, %eax
  shl $30, %eax
  or $0x83, %eax
  mov %eax, (%edi)
  mov %ecx, %eax
  shr $2, %eax
  mov %eax, 4(%edi)
  add $8, %edi
  inc %ecx
  cmp $1024, %ecx
  jne 1b
  long_mode long

smm_protected:
  long_mode smm_long

  .code64
long:
  mov $kStack, %esp
  call intrude
smm_long:
  mov $kSmmStack, %esp
  call intrude_in_smm
  rsm

  .balign 8
descriptors:
  .quad 0
  .quad 0x00cf9b000000ffff
  .quad 0x00cf93000000ffff
  .quad 0x00af9b000000ffff
descriptors_pointer:
  .word . - descriptors - 1
  .long descriptors

  .section .reset, "ax"
  .code16
  jmp real
  .balign 16
