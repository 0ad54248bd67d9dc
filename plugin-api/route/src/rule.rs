//! The grammar of rules.

use std::error::Error;
use std::fmt;

/// A path rule, parsed: literal text and wildcards in turn.
///
/// ```
/// use plugin_api_route::{Rule, Segment};
///
/// let rule = Rule::parse("/user/<id:int>")?;
/// assert_eq!(rule.segments()[0], Segment::Literal("/user/".into()));
/// assert_eq!(rule.names().collect::<Vec<_>>(), ["id"]);
/// # Ok::<(), plugin_api_route::RuleError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    text: String,
    segments: Vec<Segment>,
    old_syntax: bool,
}

/// A part of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// Text that has to be in the path as it is.
    Literal(String),
    /// A part that stands for many texts.
    Wildcard {
        /// The parameter it is passed as. An anonymous wildcard is matched and not passed.
        name: Option<String>,
        /// What it matches and converts to: `re` unless the rule names another.
        filter: String,
        /// What the rule says to the filter, as written: for `re`, the regular expression.
        config: Option<String>,
    },
}

impl Rule {
    /// Reads a rule. Text that does not fit the grammar of a wildcard is literal text.
    ///
    /// # Errors
    ///
    /// An empty rule, and two wildcards of one name. The *n*th anonymous wildcard (from 0) owns the name `anonN`,
    /// by which its value is given when a URL is built.
    pub fn parse(text: &str) -> Result<Rule, RuleError> {
        if text.is_empty() {
            return Err(RuleError::empty());
        }
        let mut rule = Rule { text: text.to_owned(), segments: Vec::new(), old_syntax: false };
        let (mut literal, mut names, mut at) = (String::new(), Names::default(), 0);
        while let Some(token) = Token::find(text, at) {
            literal.push_str(&text[at..token.start]);
            at = token.end;
            rule.old_syntax |= token.is_old;
            if token.is_escaped() {
                literal.push_str(&text[token.mark..token.end]);
                continue;
            }
            names.claim(text, &token)?;
            rule.push_literal(&mut literal);
            rule.segments.push(token.wildcard());
        }
        literal.push_str(&text[at..]);
        rule.push_literal(&mut literal);
        Ok(rule)
    }

    fn push_literal(&mut self, literal: &mut String) {
        if !literal.is_empty() {
            self.segments.push(Segment::Literal(std::mem::take(literal)));
        }
    }

    /// The rule as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The parts of the rule. Two literals never follow one another.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The names of the parameters, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Wildcard { name, .. } => name.as_deref(),
            Segment::Literal(_) => None,
        })
    }

    /// The one path that a rule without wildcards matches, or `None` for a rule with wildcards.
    ///
    /// ```
    /// # use plugin_api_route::Rule;
    /// assert_eq!(Rule::parse(r"/12\:30")?.path(), Some("/12:30"));
    /// assert_eq!(Rule::parse("/12:30")?.path(), None);
    /// # Ok::<(), plugin_api_route::RuleError>(())
    /// ```
    pub fn path(&self) -> Option<&str> {
        match self.segments.as_slice() {
            [] => Some(""),
            [Segment::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether the rule has a `:name` wildcard, which Bottle deprecated in 0.13 and still accepts.
    pub fn has_old_syntax(&self) -> bool {
        self.old_syntax
    }
}

impl std::str::FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Rule, RuleError> {
        Rule::parse(text)
    }
}

/// Why a text is not a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    rule: String,
    place: usize,
    cause: String,
    help: &'static str,
}

impl RuleError {
    fn empty() -> RuleError {
        RuleError {
            rule: String::new(),
            place: 0,
            cause: "the rule is empty".into(),
            help: "write `/` for the root",
        }
    }

    fn duplicate(rule: &str, place: usize, name: &str) -> RuleError {
        RuleError {
            rule: rule.to_owned(),
            place,
            cause: format!("two wildcards are named `{name}`"),
            help: "give each wildcard a name of its own, or leave the name out to match without passing",
        }
    }

    /// The rule as written.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// Where in the rule, in bytes from its start.
    pub fn place(&self) -> usize {
        self.place
    }

    /// What to write instead.
    pub fn help(&self) -> &str {
        self.help
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule `{}`: byte {}: {}", self.rule, self.place, self.cause)
    }
}

impl Error for RuleError {}

/// The names that a rule has used so far, the generated ones of anonymous wildcards among them.
#[derive(Default)]
struct Names {
    used: Vec<String>,
    anonymous: usize,
}

impl Names {
    fn claim(&mut self, rule: &str, token: &Token<'_>) -> Result<(), RuleError> {
        let name = token.name.map_or_else(|| self.next_anonymous(), str::to_owned);
        if self.used.contains(&name) {
            return Err(RuleError::duplicate(rule, token.mark, &name));
        }
        self.used.push(name);
        Ok(())
    }

    fn next_anonymous(&mut self) -> String {
        self.anonymous += 1;
        anonymous_name(self.anonymous - 1)
    }
}

/// The name under which the value of the `n`th anonymous wildcard (from 0) is given when a URL is built.
pub(crate) fn anonymous_name(n: usize) -> String {
    format!("anon{n}")
}

/// A wildcard as it stands in a rule, with the backslashes before it.
struct Token<'a> {
    /// Where its backslashes start.
    start: usize,
    /// Where its `<` or `:` is.
    mark: usize,
    end: usize,
    name: Option<&'a str>,
    filter: &'a str,
    config: Option<&'a str>,
    is_old: bool,
}

impl<'a> Token<'a> {
    /// The first wildcard at or after `from`.
    fn find(rule: &'a str, from: usize) -> Option<Token<'a>> {
        rule[from..].match_indices(['<', ':']).find_map(|(offset, mark)| {
            let mut cursor = Cursor { rule, at: from + offset + 1 };
            let mut token = if mark == "<" { cursor.new_wildcard()? } else { cursor.old_wildcard() };
            token.mark = from + offset;
            token.start = from + rule[from..token.mark].trim_end_matches('\\').len();
            token.end = cursor.at;
            Some(token)
        })
    }

    fn is_escaped(&self) -> bool {
        (self.mark - self.start) % 2 == 1
    }

    fn wildcard(&self) -> Segment {
        let filter = if matches!(self.filter, "" | "default") { "re" } else { self.filter };
        Segment::Wildcard {
            name: self.name.map(str::to_owned),
            filter: filter.to_owned(),
            config: self.config.map(str::to_owned),
        }
    }

    fn unplaced(name: &'a str, filter: &'a str, config: &'a str, is_old: bool) -> Token<'a> {
        let filled = |text: &'a str| (!text.is_empty()).then_some(text);
        Token { start: 0, mark: 0, end: 0, name: filled(name), filter, config: filled(config), is_old }
    }
}

/// Reads a wildcard from the byte after its mark.
struct Cursor<'a> {
    rule: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// `<name:filter:config>`, every part optional.
    fn new_wildcard(&mut self) -> Option<Token<'a>> {
        let name = self.name();
        let (mut filter, mut config) = ("", "");
        if self.skip(':') {
            filter = self.take_while(|c| c.is_ascii_alphabetic() || c == '_');
            if self.skip(':') {
                config = self.config();
            }
        }
        self.skip('>').then(|| Token::unplaced(name, filter, config, false))
    }

    /// `:name#regex#`, every part optional.
    fn old_wildcard(&mut self) -> Token<'a> {
        let name = self.name();
        let config = self.hashed().unwrap_or("");
        Token::unplaced(name, "", config, true)
    }

    fn name(&mut self) -> &'a str {
        if self.rest().starts_with(|c: char| c.is_ascii_digit()) {
            return "";
        }
        self.take_while(|c| c.is_ascii_alphanumeric() || c == '_')
    }

    /// Everything up to a `>` that no backslash protects. A backslash does not protect a line break.
    fn config(&mut self) -> &'a str {
        let mut escaped = false;
        let mut rest = self.rest().char_indices();
        let end = rest.find_map(|(at, c)| {
            let stop = if escaped { (c == '\n').then(|| at - 1) } else { (c == '>').then_some(at) };
            escaped = !escaped && c == '\\';
            stop
        });
        self.take(end.unwrap_or(self.rest().len() - usize::from(escaped)))
    }

    fn hashed(&mut self) -> Option<&'a str> {
        let config = self.rest().strip_prefix('#')?.split_once('#')?.0;
        if config.contains('\n') {
            return None;
        }
        self.at += config.len() + 2;
        Some(config)
    }

    fn rest(&self) -> &'a str {
        &self.rule[self.at..]
    }

    fn skip(&mut self, c: char) -> bool {
        let found = self.rest().starts_with(c);
        self.at += if found { c.len_utf8() } else { 0 };
        found
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        self.take(rest.find(|c| !wanted(c)).unwrap_or(rest.len()))
    }

    fn take(&mut self, len: usize) -> &'a str {
        let taken = &self.rest()[..len];
        self.at += len;
        taken
    }
}
