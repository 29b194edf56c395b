//! Reading attributes of netlink messages.

/// The value of the first item of a list that has this form: attributes of netlink messages come in no order.
macro_rules! first {
    ($list:expr, $form:pat => $value:expr) => {
        $list.iter().find_map(|item| match item {
            $form => Some($value),
            _ => None,
        })
    };
}
pub(super) use first;
