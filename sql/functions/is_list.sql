-- Whether an array is a plain list: one dimension, counted from 1. NULL and empty ones are. What is
-- taken by place, or read as a list by others, must be. Internal.
create or replace function taskflow.is_list(given anyarray) returns boolean
language sql immutable parallel safe as $$
  select coalesce(array_ndims(given) = 1 and array_lower(given, 1) = 1, true)
$$;
