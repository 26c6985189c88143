package replay
import ("testing";"fmt";"mlops/shared/remedy")
func TestZZ(t *testing.T){ for _,s:=range load(t){ for _,st:=range s.Steps { d:=remedy.Decide(st.Observation,s.Policy); fmt.Println(s.Name,"|",d.Summary); for _,r:=range d.Reasons[1:]{fmt.Println("      +",r.Rule,r.Text)}; for _,a:=range d.Alternatives{fmt.Println("      not",a.Action,":",a.WhyNot)}; if d.Advice!=""{fmt.Println("      advice:",d.Advice)}; if d.Otherwise!=""{fmt.Println("      otherwise:",d.Otherwise)}
for _,h:=range d.Diagnosis.Hypotheses{fmt.Println("        ",h.Cause,h.Score,"FOR",h.For,"AGAINST",h.Against)}}}}
