//! The next version of swarmlite, which tests upgrade clusters to.
//!
//! It is played by a program of its own that is made of the same sources: its protocol and its format of records are one higher than those of
//! this version, and what it writes in that format is different. Released programs do not have this: nothing but tests asks for the
//! feature `next`, and nothing but that program calls `play`.

#[cfg(feature = "next")]
static PLAYED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);

/// Makes this program the next version. Once, before anything else.
#[cfg(feature = "next")]
pub fn play() {
    PLAYED.store(true, std::sync::atomic::Ordering::Relaxed);
}

/// Whether this program is the next version.
pub(crate) fn is_played() -> bool {
    #[cfg(feature = "next")]
    return PLAYED.load(std::sync::atomic::Ordering::Relaxed);
    #[cfg(not(feature = "next"))]
    false
}
