-- Text as a log line and a terminal can take it: control and direction characters become U+FFFD, tab
-- and newline stay, and what is longer than `longest` characters is cut. Internal.
create or replace function taskflow.plain_text(raw text, longest integer) returns text
language sql immutable parallel safe as $$
  select left(regexp_replace(
    left(raw, longest + 1),
    '[\u0001-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]', chr(65533), 'g'), longest)
$$;
