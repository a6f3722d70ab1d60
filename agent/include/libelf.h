/*
 * As much of libelf's interface as libbpf is written against. What an agent uses of it is in
 * agent/src/kernel/elf: objects in memory, read only. The rest is declared so that libbpf
 * compiles, and absent or refusing at run time. Names and layouts are libelf's.
 */
#ifndef TAPIO_LIBELF_H
#define TAPIO_LIBELF_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct Elf Elf;
typedef struct Elf_Scn Elf_Scn;

typedef enum { ELF_T_BYTE = 0, ELF_T_SYM = 11 } Elf_Type;
typedef enum { ELF_C_NULL, ELF_C_READ, ELF_C_RDWR, ELF_C_WRITE, ELF_C_READ_MMAP = 8 } Elf_Cmd;
typedef enum { ELF_K_NONE = 0, ELF_K_ELF = 3 } Elf_Kind;

typedef struct {
	void *d_buf;
	Elf_Type d_type;
	unsigned int d_version;
	size_t d_size;
	int64_t d_off;
	size_t d_align;
} Elf_Data;

unsigned int elf_version(unsigned int version);
const char *elf_errmsg(int error);
Elf *elf_begin(int fd, Elf_Cmd command, Elf *archive);
Elf *elf_memory(char *image, size_t size);
int elf_end(Elf *elf);
Elf_Kind elf_kind(Elf *elf);

Elf64_Ehdr *elf64_getehdr(Elf *elf);
int elf_getphdrnum(Elf *elf, size_t *count);
int elf_getshdrnum(Elf *elf, size_t *count);
int elf_getshdrstrndx(Elf *elf, size_t *index);
char *elf_strptr(Elf *elf, size_t section, size_t offset);

Elf_Scn *elf_getscn(Elf *elf, size_t index);
Elf_Scn *elf_nextscn(Elf *elf, Elf_Scn *section);
size_t elf_ndxscn(Elf_Scn *section);
Elf64_Shdr *elf64_getshdr(Elf_Scn *section);
Elf_Data *elf_getdata(Elf_Scn *section, Elf_Data *data);
Elf_Data *elf_rawdata(Elf_Scn *section, Elf_Data *data);

Elf64_Ehdr *elf64_newehdr(Elf *elf);
Elf_Scn *elf_newscn(Elf *elf);
Elf_Data *elf_newdata(Elf_Scn *section);
off_t elf_update(Elf *elf, Elf_Cmd command);

#endif
