// openapi.yaml of the repository's root, embedded when this is compiled.
#ifndef TIMESTEP_COPENAPI_H
#define TIMESTEP_COPENAPI_H

#include <stddef.h>

/// The bytes of the document, UTF-8, without a terminator. Lives as long as the process.
const unsigned char *timestep_openapi_bytes(void);

/// How many bytes there are.
size_t timestep_openapi_length(void);

#endif
