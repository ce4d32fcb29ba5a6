/// The greatest numbers that a model may have, wherever it comes from: a request to train is held to them, and a file is
/// before anything of these sizes is allocated. They keep out what no machine could hold, not what is merely unusual, and
/// are small enough that sums and products of a few of them are numbers.
public enum ModelLimit {
    public static let layers = 64
    public static let hidden = 65_536
    public static let lookback = 100_000
    public static let horizon = 100_000
    /// Rows of a season, and rows that one difference looks back.
    public static let period = 100_000
    /// Numbers of an input row.
    public static let columns = 100_000
    /// Symbols that a network may read.
    public static let symbols = 1_000_000
    /// Numbers of an input row, or symbols.
    static let inputs = max(columns, symbols)
    /// Steps of which a time-delay layer forms an output, and steps that it looks back.
    public static let taps = 1024
    /// Numbers that one direction of a layer carries from step to step: 64 MiB, as much as a session could be answered with.
    public static let carried = 1 << 24
    public static let delay = 65_536
    /// What a classifier tells apart: numbers of an output row.
    public static let labels = 100_000
    /// Symbols of an alphabet beside the unknown one: as many as numbers of a row, since that is what a network without an
    /// embedding reads of them.
    public static let alphabet = columns - 1
    /// Transforms of a column, one after the other.
    public static let transforms = 16
    /// Bytes of the name of a column and of a label.
    public static let nameBytes = 1024
    /// Rows that a stream takes: as far as JSON numbers count exactly. A stream that has taken a million rows a second
    /// reaches it after 285 years.
    public static let steps = (1 << 53) - 1
}
