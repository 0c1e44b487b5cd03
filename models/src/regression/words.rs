//! Choices that have names: how they are listed, written and read.

/// Gives the variants of an enum their names.
macro_rules! words {
    ($of:ident: $($name:ident = $word:literal),* $(,)?) => {
        impl $of {
            /// All of them, with their names.
            pub const ALL: &'static [(&'static str, $of)] = &[$(($word, $of::$name)),*];
        }

        impl std::fmt::Display for $of {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self { $($of::$name => $word),* })
            }
        }

        impl std::str::FromStr for $of {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let folded = text.to_lowercase().replace('_', "-");
                let found = Self::ALL.iter().find(|(word, _)| *word == folded);
                found.map(|(_, one)| *one).ok_or_else(|| {
                    let words = Self::ALL.iter().map(|(word, _)| *word);
                    let hint = crate::data::nearest::nearest(&folded, words.clone());
                    let hint = hint.map_or(String::new(), |found| format!(", did you mean `{found}`?"));
                    format!("no {} `{text}`{hint}; there are {}", stringify!($of).to_lowercase(), words.collect::<Vec<_>>().join(", "))
                })
            }
        }
    };
}
pub(super) use words;
