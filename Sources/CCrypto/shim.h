// OpenSSL's libcrypto, as far as this program uses it: SHA-256 (EVP), random bytes, comparison in constant time.
#ifndef TIMESTEP_CCRYPTO_SHIM_H
#define TIMESTEP_CCRYPTO_SHIM_H

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#endif
