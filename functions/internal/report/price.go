package report

// Price is what predictions cost on Lambda and API Gateway, USD: requests at 3.50 a million (REST API) and 0.20 a million (Lambda), 10 ms of
// 0.5 GB each at 0.0000133334 a GB-second, one PUT of 100 rows at 5.00 a million (aws.amazon.com/{api-gateway,lambda,s3}/pricing, us-east-1).
func Price(predictions int) float64 {
	return float64(predictions) * (3.50e-6 + 0.20e-6 + 0.01*0.5*0.0000133334 + 5e-6/100)
}
