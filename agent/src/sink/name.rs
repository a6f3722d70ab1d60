//! The table of sinks, by the names they have in flags, in the ledger and as threads.

macro_rules! sinks {
    ($($variant:ident $name:literal)+) => {
        /// A destination.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum SinkName { $($variant),+ }

        impl SinkName {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

sinks! {
    Stdout "stdout"
    File "file"
    Http "http"
    Otlp "otlp"
    Controller "controller"
}

impl SinkName {
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|sink| sink.name() == name)
    }
}
