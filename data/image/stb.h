// The parts of stb that are used: PNG and BMP decoding, PNG and JPEG encoding. Compiled once, in stb.cpp.
#pragma once

#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image.h>
#include <stb/stb_image_write.h>
