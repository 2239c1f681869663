drop table taskflow.stat_10s, taskflow.stat_1m, taskflow.stat_1h, taskflow.stat_flush cascade;
delete from taskflow.config
 where name in ('stat_10s_retention', 'stat_1m_retention', 'stat_1h_retention');
