// Faces from the file that the first argument names, where there is a system: exit code 0 if the
// network agrees on as many as the file says.
#include <stdint.h>
#include <stdio.h>

unsigned char* face_bytes(void);
int face_size(void);
int face_agrees(void);
int network_works(void);

int main(int count, char** arguments) {
  FILE* const file = count == 2 ? fopen(arguments[1], "rb") : NULL;
  int32_t sizes[2], agreeing = 0;
  if (!file || fread(sizes, sizeof sizes, 1, file) != 1) return 2;
  while (fread(face_bytes(), (size_t)face_size(), 1, file) == 1) agreeing += face_agrees();
  printf("%d of %d faces", (int)agreeing, (int)sizes[0]);
  return network_works() && sizes[0] > 0 && agreeing == sizes[0] ? 0 : 1;
}
