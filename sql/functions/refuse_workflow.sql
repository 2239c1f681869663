-- Refuses the definition of a workflow: says where in it the fault stands. Raises TF160. Internal.
create or replace function taskflow.refuse_workflow(place text, said text, hint text default '') returns void
language plpgsql immutable as $$
begin
  raise exception '%: %', place, said using errcode = 'TF160', hint = hint;
end
$$;
