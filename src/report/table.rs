//! A table for people: the findings of each namespace and rule.

use std::io::{self, Write};

use regcred_engine::policy::Language;
use unicode_width::UnicodeWidthStr as _;

use super::{Counts, Summary};

/// Writes an empty line and the table. Writes nothing if there are no findings.
///
/// # Errors
/// If `out` cannot be written to.
pub fn write(summary: &Summary, language: Language, out: &mut impl Write) -> io::Result<()> {
    let rows: Vec<_> = summary.by_namespace().collect();
    if rows.is_empty() {
        return Ok(());
    }
    let (name, code, heads) = match language {
        Language::English | Language::Both => {
            ("NAMESPACE", "RULE", ["deny", "warn", "audit", "repairable", "refused", "fixed"])
        }
        Language::Chinese => ("命名空间", "规则", ["拒绝", "警告", "记录", "可修复", "修复被拒", "已修复"]),
    };
    let names = rows.iter().map(|(namespace, ..)| namespace.unwrap_or_default().len());
    let names = names.max().unwrap_or_default().max(name.width());
    let codes = rows.iter().map(|(_, rule, _)| rule.code().len());
    let codes = codes.max().unwrap_or_default().max(code.width());
    // A Chinese character takes two columns, which padding does not know.
    let (name_pad, code_pad) = (names - name.width(), codes - code.width());
    writeln!(out, "\n{name}{:name_pad$}  {code}{:code_pad$}  {}", "", "", heads.join("  "))?;
    for (namespace, rule, Counts { deny, warn, audit, repairable, refused, fixed }) in rows {
        write!(out, "{:names$}  {:codes$}", namespace.unwrap_or_default(), rule.code())?;
        for (head, count) in heads.iter().zip([deny, warn, audit, repairable, refused, fixed]) {
            write!(out, "  {count:>width$}", width = head.width())?;
        }
        writeln!(out)?;
    }
    out.flush()
}
