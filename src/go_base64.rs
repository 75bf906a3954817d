//! base64 as Go decodes it: the bits behind the last byte are anybody's (docs/facts.md, "Base64").

use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);

/// With its padding, as the API server wants it in `data`.
pub(crate) const PADDED: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, CONFIG.with_decode_padding_mode(DecodePaddingMode::RequireCanonical));

/// With and without padding, as an `auth` is found.
pub(crate) const PADDED_OR_NOT: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, CONFIG.with_decode_padding_mode(DecodePaddingMode::Indifferent));
