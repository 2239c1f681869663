-- The lowest bit of a mask from `bottom` on, NULL without one. Internal.
create or replace function taskflow.next_bit(mask bigint, bottom integer) returns integer
language sql immutable parallel safe as $$
  -- what is left of the mask is a power of two once its higher bits are gone
  select (ln(nullif((mask >> bottom << bottom) & -(mask >> bottom << bottom), 0)::float8) / ln(2::float8))::integer
$$;
