/* As much of zlib's interface as libbpf is written against: reading a compressed kernel config. */
#ifndef TAPIO_ZLIB_H
#define TAPIO_ZLIB_H

typedef struct gzFile_s *gzFile;

gzFile gzopen(const char *path, const char *mode);
char *gzgets(gzFile file, char *out, int size);
int gzclose(gzFile file);

#endif
