-- Stores the secret of an endpoint or a source, or makes one of 32 random bytes where none is given; what it had
-- before is good for `overlap` more. `free_form` takes the text of another system's secret as it is. Answers the
-- secret. Raises TF111 for one that is too weak. Internal.
create or replace function taskflow.save_secret(
  tenant text, owner text, secret text default null, overlap interval default interval '0', free_form boolean default false
) returns text
language plpgsql volatile as $$
declare
  v_is_good boolean := false;
  v_secret text := coalesce(secret, 'whsec_' || encode(
    sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'base64'));
begin
  if free_form then
    v_is_good := v_secret ~ '^[\x20-\x7e]{16,200}$';
  elsif v_secret ~ '^whsec_[A-Za-z0-9+/]+={0,2}$' then
    begin
      v_is_good := octet_length(decode(substr(v_secret, 7), 'base64')) between 24 and 64;
    exception when invalid_parameter_value then
      null;
    end;
  end if;
  if not v_is_good then
    raise exception 'the secret is not valid'
      using errcode = 'TF111', hint = 'Give whsec_ and 24 to 64 random bytes as base64 (of another scheme: 16 to 200 characters), or none for one that is made.';
  end if;
  insert into taskflow.webhook_secret as s (tenant, owner, secret) values (save_secret.tenant, save_secret.owner, v_secret)
  on conflict on constraint webhook_secret_pkey do update
     set secret = excluded.secret, previous = s.secret, previous_until = taskflow.now() + overlap;
  return v_secret;
end
$$;
