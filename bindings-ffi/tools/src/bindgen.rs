//! UniFFI's bindings generator, of the very version the library is built with:
//! `wswarden-bindgen generate target/release/libwswarden.so --language kotlin --out-dir out --no-format`.

fn main() {
    uniffi::uniffi_bindgen_main();
}
