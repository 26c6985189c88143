package topology

// Where the functions' own figures lie in CloudWatch, and what tells them apart: the function's name, and the stack's environment.
const (
	MetricNamespace  = "mlops"
	ServiceDimension = "Service"
	StageDimension   = "Stage"
)

// ServedStale counts the looks at a champion that could not be loaded while predict's last good version went on answering. An alarm of the
// stack stands on it: who counts and who watches read the same name, so that neither can be renamed alone.
const ServedStale = "ServedStale"
