use super::*;

#[test]
fn a_span_is_looked_at_day_by_day() {
    let days: Vec<_> = steps(Minute(10)..Minute(10 + 2 * STEP_MINUTES + 5)).collect();
    assert_eq!(days.len(), 3);
    assert!(days.windows(2).all(|days| days[0].end == days[1].start));
    assert_eq!(
        (days[0].start, days[2].end),
        (Minute(10), Minute(15 + 2 * STEP_MINUTES))
    );
    assert_eq!(steps(Minute(3)..Minute(3)).count(), 0);
    assert_eq!(steps(Minute(4)..Minute(3)).count(), 0);
}
