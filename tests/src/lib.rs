//! wswarden.
