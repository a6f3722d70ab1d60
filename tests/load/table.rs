//! The table that is printed: what was measured, what was promised, and whether it was kept.

/// A promise about one figure: at most this much.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub most: f64,
    pub unit: &'static str,
}

pub fn head() {
    println!(
        "{:<44} {:>14} {:>14}  {:<7} latency p50 / p99",
        "", "figure", "target", ""
    );
}

/// One row; a figure without a target is told for comparison.
pub fn row(name: &str, figure: f64, unit: &str, target: Option<Target>, rest: &str) {
    let shown = format!("{} {unit}", three_digits(figure));
    let (wanted, verdict) = match target {
        Some(target) => (
            format!("<= {} {}", target.most, target.unit),
            if figure <= target.most {
                "met"
            } else {
                "MISSED"
            },
        ),
        None => (String::new(), ""),
    };
    println!(
        "{}",
        format!("{name:<44} {shown:>14} {wanted:>14}  {verdict:<7} {rest}").trim_end()
    );
}

fn three_digits(figure: f64) -> String {
    match figure {
        figure if figure >= 100.0 => format!("{figure:.0}"),
        figure if figure >= 10.0 => format!("{figure:.1}"),
        figure => format!("{figure:.2}"),
    }
}
