//! Work in which a bug costs one file or one Secret, and not the whole run.

use std::panic::{AssertUnwindSafe, catch_unwind};

use regcred_engine::wording::Bilingual;

/// What is reported in place of the result if [`guarded`] work panicked.
pub(crate) const INTERNAL_ERROR: Bilingual<&str> = Bilingual {
    english: "internal error: this could not be checked; please report this bug of regcred",
    chinese: "内部错误：无法检查；请报告 regcred 的这个缺陷",
};

/// Does the work; `None` if it panicked. Nothing that it changed is used afterwards.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}
