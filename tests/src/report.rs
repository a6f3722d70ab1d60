//! The table that is printed: the figure, what was promised, and whether it was kept.

use crate::median::median;

/// One figure of every round, and the most it may be.
pub struct Figure {
    name: &'static str,
    unit: &'static str,
    most: Option<f64>,
    rounds: Vec<f64>,
}

impl Figure {
    pub fn promised(name: &'static str, most: f64, unit: &'static str) -> Self {
        Self {
            name,
            unit,
            most: Some(most),
            rounds: Vec::new(),
        }
    }

    /// Told for comparison, with nothing promised.
    pub fn beside(name: &'static str, unit: &'static str) -> Self {
        Self {
            name,
            unit,
            most: None,
            rounds: Vec::new(),
        }
    }

    pub fn add(&mut self, figure: f64) {
        self.rounds.push(figure);
    }

    pub fn is_measured(&self) -> bool {
        !self.rounds.is_empty()
    }

    pub fn print(&self) {
        let middle = median(self.rounds.clone());
        let (target, verdict) = match self.most {
            Some(most) if middle <= most => (format!("<= {}", digits(most)), "met"),
            Some(most) => (format!("<= {}", digits(most)), "MISSED"),
            None => (String::new(), ""),
        };
        let all: Vec<String> = self.rounds.iter().copied().map(digits).collect();
        let (name, unit, middle) = (self.name, self.unit, digits(middle));
        let line = format!("{name:<46} {middle:>10} {target:>12} {unit:<8} {verdict:<7}");
        println!("{line} rounds: {}", all.join(" "));
    }
}

fn digits(figure: f64) -> String {
    match figure {
        figure if figure.fract() == 0.0 => format!("{figure:.0}"),
        figure if figure >= 100.0 => format!("{figure:.1}"),
        figure if figure >= 1.0 => format!("{figure:.2}"),
        figure => format!("{figure:.4}"),
    }
}
