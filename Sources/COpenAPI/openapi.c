// C23's #embed costs nothing to compile and the package manager builds again when the document changes.
#include "openapi.h"

static const unsigned char document[] = {
#embed "../../openapi.yaml"
};

const unsigned char *timestep_openapi_bytes(void) { return document; }

size_t timestep_openapi_length(void) { return sizeof document; }
