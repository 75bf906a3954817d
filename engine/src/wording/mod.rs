//! What findings say to people, in English and Chinese.
