#ifndef KONTOR_CRNP_H
#define KONTOR_CRNP_H

#include <rnp/rnp.h>
#include <rnp/rnp_err.h>

// Combinations of macros that Swift does not see.
static const uint32_t kontor_rnp_verify_data = RNP_SECURITY_OVERRIDE | RNP_SECURITY_VERIFY_DATA;
static const uint32_t kontor_rnp_verify_all = RNP_SECURITY_OVERRIDE;
static const uint32_t kontor_rnp_export_public =
    RNP_KEY_EXPORT_ARMORED | RNP_KEY_EXPORT_PUBLIC | RNP_KEY_EXPORT_SUBKEYS;

#endif
