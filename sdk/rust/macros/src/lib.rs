//! The attribute macro of lockgate-sdk.
